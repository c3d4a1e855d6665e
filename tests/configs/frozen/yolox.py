"""The zoo's YOLOX-tiny teaches one of a third of its width."""

_base_ = ['mmdet::yolox/yolox_tiny_8xb8-300e_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(widen_factor=0.125),
    neck=dict(in_channels=[32, 64, 128], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::yolox/yolox_tiny_8xb8-300e_coco.py'),
        distill=dict(
            ckd=dict(on='dense_logits', loss=dict(type='CKDLoss', temperature=0.1)),
            objectness=dict(
                on='dense_objectness', loss=dict(type='KDLoss', temperature=1.0)
            ),
        ),
        student_loss_weight=dict(loss_obj=0.5, loss_l1=2.0),
    ),
]
