"""The networks of the CIFAR benchmarks, registered by the package."""

_base_ = ['mmpretrain::resnet/resnet50_8xb16_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(_delete_=True, type='CIFARResNet', depth=20),
    head=dict(in_channels=64),
)
teacher_model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        num_classes=100,
        mean=[129.304, 124.070, 112.434],
        std=[68.170, 65.392, 70.418],
        to_rgb=False,
    ),
    backbone=dict(type='CIFARWideResNet', depth=16, widen_factor=2),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=100, in_channels=128),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config=teacher_model, checkpoint='work_dirs/wrn_16_2/epoch_240.pth'
        ),
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=2.0, standardize=True),
                schedule=dict(begin=1, warmup=4, end=200, decay=20),
            ),
            ckd=dict(
                on='logits',
                loss=dict(type='CKDLoss', anchor='student'),
                schedule=dict(end=20000, decay=1000, by_epoch=False, every=2),
            ),
        ),
    )
]
del teacher_model
