"""ReviewKD on the FPN levels: Mask R-CNN R101 -> R18, FPN, COCO, 1x (12 epochs).

Task: box detection and instance segmentation on COCO 2017, AP on val2017. Paper:
arXiv:2104.09044. What is set, why, and what differs from the paper:
configs/_base_/distill/reviewkd_fpn.py, and for the weight 0.8 of ReviewKD
configs/_base_/pairs/mask-rcnn_r101-r18_coco.py.

    tools/dist_train.sh configs/mmdet/mask_rcnn/reviewkd_r101-r18_mask-fpn_1x_coco.py 8

| run | box AP | mask AP |
|---|---|---|
| teacher, the zoo's R101 2x | 40.8 | 36.6 |
| student alone, mask-rcnn_r18_fpn_1x_coco.py | not run yet | not run yet |
| published | not found | not found |
| ours | not run yet | not run yet |
"""

_base_ = [
    './mask-rcnn_r18_fpn_1x_coco.py',
    '../../_base_/pairs/mask-rcnn_r101-r18_coco.py',
    '../../_base_/distill/reviewkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
