"""PKD on FPN levels: Cascade Mask R-CNN X101 -> RetinaNet R50, COCO, 1x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2207.02039. What is
set, why, and what differs from the paper: configs/_base_/distill/pkd_fpn.py. The three
levels that both have are named below: level N of RetinaNet's FPN has the stride of
level N + 1 of the cascade's.

    tools/dist_train.sh configs/mmdet/retinanet/pkd_cascade-x101-r50_retinanet_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's Cascade Mask R-CNN X101-64x4d 20e | 45.6 |
| student alone, the zoo's R50 1x | 36.5 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../../_base_/pairs/retinanet_cascade-x101-r50_coco.py',
    '../../_base_/distill/pkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.pkd.on = [
    dict(student='neck.fpn_convs.0', teacher='neck.fpn_convs.1'),  # P3
    dict(student='neck.fpn_convs.1', teacher='neck.fpn_convs.2'),  # P4
    dict(student='neck.fpn_convs.2', teacher='neck.fpn_convs.3'),  # P5
]
del _base_.pair
