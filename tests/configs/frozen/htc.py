"""HTC with its semantic branch, in all stages."""

_base_ = ['mmdet::htc/htc_r50_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        mask_roi_extractor=dict(out_channels=32),
        semantic_roi_extractor=dict(out_channels=32),
        semantic_head=dict(num_convs=1, in_channels=32, conv_out_channels=32),
    ),
    train_cfg=dict(rpn_proposal=dict(nms_pre=100, max_per_img=50)),
)
for head in _base_.model.roi_head.bbox_head:
    head.update(in_channels=32, fc_out_channels=32)
for head in _base_.model.roi_head.mask_head:
    head.update(num_convs=1, in_channels=32, conv_out_channels=32)
for stage in _base_.model.train_cfg.rcnn:
    stage.sampler.num = 32
del head, stage

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/htc_w16.py',
            checkpoint='work_dirs/htc_w16/epoch_20.pth',
        ),
        distill=dict(
            ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', loss_weight=0.1)),
            masks=dict(
                on=dict(part='mask_logits', activation='binary'),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
            semantic=dict(
                on='semantic_logits',
                loss=dict(type='CWDLoss', temperature=1.0, loss_weight=5.0),
            ),
        ),
    )
]
