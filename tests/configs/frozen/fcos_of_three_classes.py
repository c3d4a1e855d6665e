"""Our street data; the teacher knows the classes of its own file by other names."""

_base_ = ['mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

metainfo = dict(classes=('pedestrian', 'bike', 'tram'))
train_dataloader = dict(dataset=dict(metainfo=metainfo))
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = val_dataloader

model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    bbox_head=dict(num_classes=3, in_channels=32, feat_channels=32, stacked_convs=1),
)
teacher_model = dict(
    type='FCOS',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='ResNet', depth=18, base_channels=16, stem_channels=16),
    neck=dict(
        type='FPN',
        in_channels=[16, 32, 64, 128],
        out_channels=64,
        start_level=1,
        add_extra_convs='on_output',
        num_outs=5,
        relu_before_extra_convs=True,
    ),
    bbox_head=dict(
        type='FCOSHead',
        num_classes=5,
        in_channels=64,
        feat_channels=64,
        stacked_convs=1,
        strides=[8, 16, 32, 64, 128],
    ),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config=teacher_model,
            checkpoint='work_dirs/fcos_streets/epoch_12.pth',
            classes=['car', 'person', 'bicycle', 'bus', 'truck'],
            class_map={'person': 'pedestrian', 'bicycle': 'bike'},
        ),
        distill=dict(
            bckd=dict(
                on=dict(part='dense_logits', activation='binary'),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
            at=dict(on='neck', loss=dict(type='ATLoss')),
        ),
    )
]
del teacher_model
