"""WRN-16-2 of the CIFAR-100 distillation benchmark: 0.70 M parameters."""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    type='ImageClassifier',
    backbone=dict(type='CIFARWideResNet', depth=16, widen_factor=2),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=100,
        in_channels=128,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
        init_cfg=None,  # PyTorch's, as in the benchmark
    ),
)
