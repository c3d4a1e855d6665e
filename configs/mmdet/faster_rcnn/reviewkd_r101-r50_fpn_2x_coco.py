"""ReviewKD on the FPN levels: Faster R-CNN R101 -> R50, FPN, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2104.09044. What is
set, why, and what differs from the paper: configs/_base_/distill/reviewkd_fpn.py, and
for the weight 1.0 of ReviewKD configs/_base_/pairs/faster-rcnn_r101-r50_coco.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/reviewkd_r101-r50_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 39.8 |
| student alone, the zoo's R50 2x | 38.4 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_r101-r50_coco.py',
    '../../_base_/distill/reviewkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
