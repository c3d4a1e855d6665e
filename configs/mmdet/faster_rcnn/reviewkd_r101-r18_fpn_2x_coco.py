"""ReviewKD on the FPN levels: Faster R-CNN R101 -> R18, FPN, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2104.09044. What is
set, why, and what differs from the paper: configs/_base_/distill/reviewkd_fpn.py, and
for the weight 1.2 of ReviewKD configs/_base_/pairs/faster-rcnn_r101-r18_coco.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/reviewkd_r101-r18_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 39.8 |
| student alone, faster-rcnn_r18_fpn_2x_coco.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './faster-rcnn_r18_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_r101-r18_coco.py',
    '../../_base_/distill/reviewkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
