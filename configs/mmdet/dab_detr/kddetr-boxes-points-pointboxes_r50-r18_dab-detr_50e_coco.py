"""KD-DETR: DAB-DETR R50 -> R18, COCO, 50 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2211.08071. What is
set, why, and what differs from the paper:
configs/_base_/distill/kddetr-boxes-points-pointboxes.py. The published number is of the
abstract, for a student of 36.2 alone. Which teacher and schedule gave it, we do not
know; here they are the zoo's.

    tools/dist_train.sh configs/mmdet/dab_detr/kddetr-boxes-points-pointboxes_r50-r18_dab-detr_50e_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R50 | 42.3 |
| student alone, dab-detr_r18_50e_coco.py | not run yet |
| published | 41.4 |
| ours | not run yet |
"""

_base_ = [
    './dab-detr_r18_50e_coco.py',
    '../../_base_/pairs/dab-detr_r50-r18_coco.py',
    '../../_base_/distill/kddetr-boxes-points-pointboxes.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
