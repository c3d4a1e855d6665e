"""Heads of two kinds, with the same anchors."""

_base_ = ['mmdet::atss/atss_r50_fpn_1x_coco.py']
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
            weight=1.0,
        ),
        distill=dict(
            ckd=dict(
                on=dict(part='dense_logits', topk=128),
                loss=dict(type='CKDLoss', temperature=0.1),
            ),
        ),
    )
]
