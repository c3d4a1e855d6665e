"""The student's own average teaches it."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(type='EMAHook', momentum=0.0002),
    dict(
        type='DistillationHook',
        teacher=dict(ema=True),
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0),
                schedule=dict(begin=10, warmup=10),
            ),
            same=dict(on='logits', loss=dict(type='CKDLoss')),
        ),
    ),
]
