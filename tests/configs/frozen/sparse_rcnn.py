_base_ = ['mmdet::sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

num_stages, width = 2, 32
head = _base_.model.roi_head.bbox_head[0]
head.update(in_channels=width, feedforward_channels=width)
head.dynamic_conv_cfg.update(in_channels=width, feat_channels=8, out_channels=width)
model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=width),
    rpn_head=dict(num_proposals=12, proposal_feature_channel=width),
    roi_head=dict(
        num_stages=num_stages,
        stage_loss_weights=[1] * num_stages,
        proposal_feature_channel=width,
        bbox_roi_extractor=dict(out_channels=width),
        bbox_head=[head] * num_stages,
    ),
    train_cfg=dict(rcnn=_base_.model.train_cfg.rcnn[:num_stages]),
    test_cfg=dict(rcnn=dict(max_per_img=12)),
)
del head, num_stages, width

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/sparse_rcnn_w64.py',
            checkpoint='work_dirs/sparse_rcnn_w64/epoch_12.pth',
        ),
        distill=dict(
            ckd=dict(on='query_logits', loss=dict(type='CKDLoss', temperature=0.1)),
        ),
    )
]
