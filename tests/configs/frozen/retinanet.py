_base_ = ['mmdet::retinanet/retinanet_r18_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, stacked_convs=1),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/retinanet_w16.py',
            checkpoint='work_dirs/retinanet_w16/epoch_12.pth',
        ),
        distill=dict(
            ckd=dict(
                on='dense_logits',
                loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
            ),
            kd=dict(
                on=dict(
                    part='dense_logits', rows='both', topk=128, activation='binary'
                ),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
            dkd=dict(
                on=dict(part='dense_logits', rows='assigned', activation='softmax'),
                loss=dict(type='DKDLoss'),
            ),
            fgd=dict(
                on='neck',
                loss=dict(
                    type='FGDLoss',
                    student_channels=[32] * 5,
                    teacher_channels=[64] * 5,
                ),
            ),
        ),
    )
]
