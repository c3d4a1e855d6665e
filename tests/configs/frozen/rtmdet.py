_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(widen_factor=0.125, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='DistillationHook',
        teacher=dict(
            config='mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py', fuse_bn=True
        ),
        distill=dict(
            ckd=dict(on='dense_logits', loss=dict(type='CKDLoss', temperature=0.1)),
            mgd=dict(
                on='neck',
                loss=dict(
                    type='MGDLoss',
                    student_channels=[32] * 3,
                    teacher_channels=[96] * 3,
                    loss_weight=2e-5,
                ),
            ),
        ),
    ),
]
