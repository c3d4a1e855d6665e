_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=[
            dict(
                config='teachers/resnet18_w16_cifar100.py',
                checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
                weight=3.0,
            ),
            dict(
                config='teachers/resnet34_w8_cifar100.py',
                checkpoint='work_dirs/resnet34_w8/epoch_200.pth',
                weight=1.0,
                dtype='bfloat16',
            ),
        ],
        distill=dict(
            average=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
            wide=dict(on='embedding', loss=dict(type='SPLoss'), teacher=0),
            deep=dict(
                on='module:backbone.layer4', loss=dict(type='PKDLoss'), teacher=1
            ),
            listed=dict(on='logits', loss=dict(type='CKDLoss'), teacher=[0, 1]),
        ),
    )
]
