"""CrossKD: ATSS R101 -> R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2306.11369. What is
set, why, and what differs from the paper:
configs/_base_/distill/crosskd-boxes_anchors.py.

    tools/dist_train.sh configs/mmdet/atss/crosskd-boxes_r101-r50_atss_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 1x | 41.5 |
| student alone, the zoo's R50 1x | 39.4 |
| published | 41.8 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::atss/atss_r50_fpn_1x_coco.py',
    '../../_base_/pairs/atss_r101-r50_coco.py',
    '../../_base_/distill/crosskd-boxes_anchors.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
