"""PKD on FPN levels: Mask R-CNN Swin-S -> FCOS R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2207.02039. What is
set, why, and what differs from the paper: configs/_base_/distill/pkd_fpn.py. The three
levels that both have are named below: level N of FCOS's FPN has the stride of level
N + 1 of Mask R-CNN's.

    tools/dist_train.sh configs/mmdet/fcos/pkd_mask-swin-s-r50_fcos_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's Mask R-CNN Swin-S 3x | 48.2 |
| student alone, the zoo's R50 1x | 36.6 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    '../../_base_/pairs/fcos_mask-swin-s-r50_coco.py',
    '../../_base_/distill/pkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.pkd.on = [
    dict(student='neck.fpn_convs.0', teacher='neck.fpn_convs.1'),  # P3
    dict(student='neck.fpn_convs.1', teacher='neck.fpn_convs.2'),  # P4
    dict(student='neck.fpn_convs.2', teacher='neck.fpn_convs.3'),  # P5
]
del _base_.pair
