"""Options that make the teacher's forward cheaper, and the teacher's own metric."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
            evaluate=True,
            dtype='bfloat16',
            channels_last=True,
            fuse_bn=True,
            stream=True,
        ),
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
            nst=dict(on='backbone', loss=dict(type='NSTLoss', loss_weight=50.0)),
        ),
    )
]
