"""KD on RoI logits: Mask R-CNN R101 -> R18, FPN, COCO, 2x (24 epochs).

Task: box detection and instance segmentation on COCO 2017, AP on val2017. Paper:
arXiv:1503.02531. Class logits of the boxes are distilled, masks are not. What is set,
why, and what differs from the paper: configs/_base_/distill/kd_roi.py.

    tools/dist_train.sh configs/mmdet/mask_rcnn/kd_r101-r18_mask-fpn_2x_coco.py 8

| run | box AP | mask AP |
|---|---|---|
| teacher, the zoo's R101 2x | 40.8 | 36.6 |
| student alone, mask-rcnn_r18_fpn_2x_coco.py | not run yet | not run yet |
| published | not found | not found |
| ours | not run yet | not run yet |
"""

_base_ = [
    './mask-rcnn_r18_fpn_2x_coco.py',
    '../../_base_/pairs/mask-rcnn_r101-r18_coco.py',
    '../../_base_/distill/kd_roi.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
