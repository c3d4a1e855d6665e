"""Weights of the average, beside those that were trained, in one file."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16_razor/epoch_200.pth',
            prefix='architecture.',
            classes=None,
        ),
        distill={
            'kd-standardized': dict(
                on=dict(part='logits'),
                loss=dict(type='KDLoss', temperature=2.0, standardize=True),
            ),
        },
    )
]
