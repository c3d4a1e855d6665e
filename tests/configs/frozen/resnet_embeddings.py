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
            rkd=dict(on='embedding', loss=dict(type='RKDLoss')),
            sp=dict(on='embedding', loss=dict(type='SPLoss', loss_weight=3000.0)),
            pkt=dict(on='embedding', loss=dict(type='PKTLoss', loss_weight=30000.0)),
            cc=dict(
                on='embedding', loss=dict(type='CCLoss', gamma=0.4, loss_weight=100.0)
            ),
            crd=dict(
                on='embedding',
                loss=dict(
                    type='CRDLoss',
                    num_samples=50000,
                    student_channels=64,
                    teacher_channels=128,
                    loss_weight=0.8,
                ),
            ),
            nd=dict(
                on='embedding',
                loss=dict(
                    type='NDLoss',
                    num_classes=100,
                    student_channels=64,
                    teacher_channels=128,
                    loss_weight=2.0,
                ),
            ),
        ),
    )
]
