_base_ = ['mmdet::sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py']


num_stages, width = 2, 64
head = _base_.model.roi_head.bbox_head[0]
head.update(in_channels=width, feedforward_channels=width)
head.dynamic_conv_cfg.update(in_channels=width, feat_channels=8, out_channels=width)
model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=width),
    rpn_head=dict(num_proposals=20, proposal_feature_channel=width),
    roi_head=dict(
        num_stages=num_stages,
        stage_loss_weights=[1] * num_stages,
        proposal_feature_channel=width,
        bbox_roi_extractor=dict(out_channels=width),
        bbox_head=[head] * num_stages,
    ),
    train_cfg=dict(rcnn=_base_.model.train_cfg.rcnn[:num_stages]),
    test_cfg=dict(rcnn=dict(max_per_img=20)),
)
del head, num_stages, width

