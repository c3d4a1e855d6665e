"""KD-DETR: DINO with four levels, R50 -> R18, COCO, 12 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2211.08071. What is
set, why, and what differs from the paper: configs/_base_/distill/kddetr-boxes-points-pointboxes.py.

    tools/dist_train.sh configs/mmdet/dino/kddetr-boxes-points-pointboxes_r50-r18_dino-4scale_12e_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R50 | 49.0 |
| student alone, dino-4scale_r18_12e_coco.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './dino-4scale_r18_12e_coco.py',
    '../../_base_/pairs/dino_r50-r18_coco.py',
    '../../_base_/distill/kddetr-boxes-points-pointboxes.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
