_base_ = ['mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        bbox_head=dict(in_channels=32, fc_out_channels=32),
        mask_roi_extractor=dict(out_channels=32),
        mask_head=dict(num_convs=1, in_channels=32, conv_out_channels=32),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=100, max_per_img=50),
        rcnn=dict(sampler=dict(num=32)),
    ),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/mask_rcnn_w16.py',
            checkpoint='work_dirs/mask_rcnn_w16/epoch_12.pth',
        ),
        distill=dict(
            ckd=dict(
                on='roi_logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=0.1),
            ),
            masks=dict(
                on=dict(part='mask_logits', activation='binary'),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
            where=dict(
                on=dict(part='mask_logits', activation='softmax'),
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.1),
            ),
            reviewkd=dict(
                on='neck',
                loss=dict(
                    type='ReviewKDLoss',
                    student_channels=[32] * 5,
                    teacher_channels=[64] * 5,
                    mid_channels=64,
                ),
                schedule=dict(warmup=1),
            ),
        ),
    )
]
