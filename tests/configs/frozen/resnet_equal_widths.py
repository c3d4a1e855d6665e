"""Losses without parameters, between networks of one width and other depths."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet34_w8_cifar100.py',
            checkpoint='work_dirs/resnet34_w8/epoch_200.pth',
        ),
        distill=dict(
            hcl=dict(on='backbone', loss=dict(type='HCLLoss')),
            cwd=dict(
                on='backbone',
                loss=dict(type='CWDLoss', temperature=1.0, loss_weight=5.0),
            ),
            pkd=dict(
                on='module:backbone.layer4',
                loss=dict(type='PKDLoss', loss_weight=6.0),
            ),
        ),
        student_loss_weight=0.5,
    )
]
