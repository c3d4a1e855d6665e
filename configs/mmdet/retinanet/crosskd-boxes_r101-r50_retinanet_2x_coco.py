"""CrossKD: RetinaNet R101 -> R50, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2306.11369. What is
set, why, and what differs from the paper:
configs/_base_/distill/crosskd-boxes_anchors.py.

    tools/dist_train.sh configs/mmdet/retinanet/crosskd-boxes_r101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 38.9 |
| student alone, the zoo's R50 2x | 37.4 |
| published | 39.7 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py',
    '../../_base_/pairs/retinanet_r101-r50_coco.py',
    '../../_base_/distill/crosskd-boxes_anchors.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
