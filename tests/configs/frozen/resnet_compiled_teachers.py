_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=[
            dict(
                config='teachers/resnet18_w16_cifar100.py',
                checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
                compile=dict(backend='eager'),
            ),
            dict(
                config='teachers/resnet34_w8_cifar100.py',
                checkpoint='work_dirs/resnet34_w8/epoch_200.pth',
                compile=True,
            ),
        ],
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss'), teacher=0),
            later=dict(
                on='backbone',
                loss=dict(type='PKDLoss'),
                teacher=1,
                schedule=dict(begin=100),
            ),
        ),
    )
]
