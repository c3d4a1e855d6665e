_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(type='EMAHook', momentum=0.0002),
    dict(
        type='DistillationHook',
        teacher=[
            dict(ema=True, weight=0.5, dtype='bfloat16'),
            dict(
                config='teachers/resnet18_w16_cifar100.py',
                checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
            ),
        ],
        distill=dict(
            both=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
            average=dict(on='backbone', loss=dict(type='PKDLoss'), teacher=0),
        ),
    ),
]
