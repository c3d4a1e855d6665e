"""The hook of ckd_roi_r101.py with another teacher: the zoo's R50 2x (box AP 38.4)."""

_base_ = './ckd_roi_r101.py'

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py'),
        distill=_base_.custom_hooks[0].distill,
    )
]
