"""Beside the teacher, on the images that resnet_cached.py will see."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
        ),
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
            at=dict(on='backbone', loss=dict(type='ATLoss', loss_weight=100.0)),
            sp=dict(on='embedding', loss=dict(type='SPLoss', loss_weight=100.0)),
        ),
    ),
    dict(type='ReplayHook', epochs=2),
]
