_base_ = ['mmdet::htc/htc_r50_fpn_20e_coco.py']

model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        mask_roi_extractor=dict(out_channels=64),
        semantic_roi_extractor=dict(out_channels=64),
        semantic_head=dict(num_convs=1, in_channels=64, conv_out_channels=64),
    ),
)
for head in _base_.model.roi_head.bbox_head:
    head.update(in_channels=64, fc_out_channels=64)
for head in _base_.model.roi_head.mask_head:
    head.update(num_convs=1, in_channels=64, conv_out_channels=64)
del head
