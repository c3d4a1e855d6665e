"""Losses of feature maps, by the names of modules and with widths written out."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

stages = [f'module:backbone.layer{number}' for number in (1, 2, 3, 4)]
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
        ),
        distill=dict(
            at=dict(
                on=[
                    'module:backbone.layer1',
                    'module:backbone.layer2',
                    'module:backbone.layer3',
                ],
                loss=dict(type='ATLoss', p=2.0, loss_weight=1000.0),
            ),
            nst=dict(
                on='module:backbone.layer3', loss=dict(type='NSTLoss', loss_weight=50.0)
            ),
            fitnet=dict(
                on='module:backbone.layer2',
                loss=dict(
                    type='FitNetLoss',
                    student_channels=16,
                    teacher_channels=32,
                    loss_weight=100.0,
                ),
            ),
            vid=dict(
                on=stages,
                loss=dict(
                    type='VIDLoss',
                    student_channels=[8, 16, 32, 64],
                    teacher_channels=[16, 32, 64, 128],
                ),
            ),
            ofd=dict(
                on=[
                    dict(student='backbone.layer1', teacher='backbone.layer1'),
                    'module:backbone.layer2',
                ],
                loss=dict(
                    type='OFDLoss', student_channels=[8, 16], teacher_channels=[16, 32]
                ),
            ),
            reviewkd=dict(
                on=stages,
                loss=dict(
                    type='ReviewKDLoss',
                    student_channels=[8, 16, 32, 64],
                    teacher_channels=[16, 32, 64, 128],
                    mid_channels=32,
                ),
            ),
            mgd=dict(
                on='backbone',
                loss=dict(
                    type='MGDLoss',
                    student_channels=64,
                    teacher_channels=128,
                    mask_ratio=0.15,
                    loss_weight=7e-5,
                ),
            ),
            mixed=dict(
                on=['backbone', 'module:backbone.layer3'],
                loss=dict(type='SPLoss', loss_weight=1000.0),
            ),
        ),
    )
]
del stages
