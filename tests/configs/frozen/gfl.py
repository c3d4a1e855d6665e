"""Localisation distillation, with KD."""

_base_ = ['mmdet::gfl/gfl_r50_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, stacked_convs=1),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/gfl_w16.py',
            checkpoint='work_dirs/gfl_w16/epoch_24.pth',
        ),
        distill=dict(
            ld=dict(
                on=dict(part='box_distribution', rows='assigned'),
                loss=dict(type='KDLoss', temperature=10.0, loss_weight=0.25),
            ),
            kd=dict(
                on=dict(part='dense_logits', activation='softmax'),
                loss=dict(type='KDLoss', temperature=10.0, loss_weight=2.0),
            ),
        ),
    )
]
