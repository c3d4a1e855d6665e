_base_ = ['./students/faster_rcnn_w8.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

widths = dict(student_channels=[32] * 5, teacher_channels=[64] * 5)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/faster_rcnn_w16.py',
            checkpoint='work_dirs/faster_rcnn_w16/epoch_12.pth',
        ),
        distill=dict(
            review=dict(
                on='neck',
                loss=dict(
                    type='ReviewKDLoss', mid_channels=64, loss_weight=1.0, **widths
                ),
            ),
            fgd=dict(
                on='neck',
                loss=dict(
                    type='FGDLoss',
                    foreground_weight=5e-5,
                    background_weight=2.5e-5,
                    attention_weight=5e-5,
                    relation_weight=5e-7,
                    **widths,
                ),
            ),
            mgd=dict(
                on='neck',
                loss=dict(type='MGDLoss', mask_ratio=0.45, loss_weight=5e-7, **widths),
            ),
            fgfi=dict(
                on='neck',
                loss=dict(type='FGFILoss', **widths),
                schedule=dict(begin=4, by_epoch=False),
            ),
            ofd=dict(
                on='module:neck.fpn_convs.0',
                loss=dict(type='OFDLoss', student_channels=32, teacher_channels=64),
            ),
            vid=dict(
                on=dict(student='neck.fpn_convs.1', teacher='neck.fpn_convs.1'),
                loss=dict(type='VIDLoss', student_channels=[32], teacher_channels=[64]),
            ),
        ),
        student_loss_weight=dict(loss_rpn_cls=0.5, loss_cls=0.5),
    )
]
del widths
