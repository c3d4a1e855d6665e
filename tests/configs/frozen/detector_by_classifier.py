"""A classifier's stages teach those of a detector."""

_base_ = ['./students/faster_rcnn_w8.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config=dict(
                default_scope='mmpretrain',
                model=dict(
                    type='ImageClassifier',
                    data_preprocessor=dict(
                        type='ClsDataPreprocessor',
                        num_classes=1000,
                        mean=[123.675, 116.28, 103.53],
                        std=[58.395, 57.12, 57.375],
                        to_rgb=True,
                    ),
                    backbone=dict(
                        type='ResNet',
                        depth=18,
                        base_channels=16,
                        stem_channels=16,
                        out_indices=(0, 1, 2, 3),
                    ),
                    neck=dict(type='GlobalAveragePooling'),
                    head=dict(type='LinearClsHead', num_classes=1000, in_channels=128),
                ),
            ),
            checkpoint='work_dirs/resnet18_w16_in1k/epoch_100.pth',
        ),
        distill=dict(
            fitnet=dict(
                on=dict(student='backbone.layer3', teacher='backbone.layer3'),
                loss=dict(type='FitNetLoss', student_channels=32, teacher_channels=64),
            ),
            at=dict(
                on=['module:backbone.layer1', 'module:backbone.layer2'],
                loss=dict(type='ATLoss', loss_weight=100.0),
            ),
        ),
    )
]
