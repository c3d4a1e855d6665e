"""CrossKD: GFL R101 -> R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2306.11369. What is
set, why, and what differs from the paper: configs/_base_/distill/crosskd-edges_gfl.py.
The published number is with a teacher of 44.9, also of 2x and many scales.

    tools/dist_train.sh configs/mmdet/gfl/crosskd-edges_r101-r50_gfl_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 ms-2x | 44.7 |
| student alone, the zoo's R50 1x | 40.2 |
| published | 43.7 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::gfl/gfl_r50_fpn_1x_coco.py',
    '../../_base_/pairs/gfl_r101-r50_coco.py',
    '../../_base_/distill/crosskd-edges_gfl.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
