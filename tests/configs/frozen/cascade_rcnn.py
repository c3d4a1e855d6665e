_base_ = ['mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(bbox_roi_extractor=dict(out_channels=32)),
    train_cfg=dict(rpn_proposal=dict(nms_pre=100, max_per_img=50)),
)
for head in _base_.model.roi_head.bbox_head:
    head.update(in_channels=32, fc_out_channels=32)
for stage in _base_.model.train_cfg.rcnn:
    stage.sampler.num = 32
del head, stage

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/cascade_rcnn_w16.py',
            checkpoint='work_dirs/cascade_rcnn_w16/epoch_20.pth',
        ),
        distill=dict(
            ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', loss_weight=0.1)),
            second=dict(
                on=dict(part='roi_logits', student_stage=1, teacher_stage='same'),
                loss=dict(type='KDLoss', temperature=2.0, standardize=True),
            ),
            boxes=dict(on='roi_boxes', loss=dict(type='BoxRegressionLoss')),
        ),
    )
]
