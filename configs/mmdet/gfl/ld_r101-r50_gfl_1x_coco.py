"""LD on box edges: GFL R101 -> R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2102.12252. What is
set, why, and what differs from the published runs, the strength of the loss above all:
configs/_base_/distill/ld_gfl.py.

    tools/dist_train.sh configs/mmdet/gfl/ld_r101-r50_gfl_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 ms-2x | 44.7 |
| student alone, the zoo's R50 1x | 40.2 |
| published | 41.0, MMDetection's own LD with this teacher |
| ours | not run yet |
"""

_base_ = [
    'mmdet::gfl/gfl_r50_fpn_1x_coco.py',
    '../../_base_/pairs/gfl_r101-r50_coco.py',
    '../../_base_/distill/ld_gfl.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
