"""DETRDistill's features: Deformable DETR R50 -> R18, COCO, 50 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2211.10156. What is
set, why, and what differs from the paper: configs/_base_/distill/detrdistill.py. The
authors' teacher has R101, of which the zoo has none.

    tools/dist_train.sh configs/mmdet/deformable_detr/detrdistill_r50-r18_deformable-detr_50e_coco.py 16

| run | box AP |
|---|---|
| teacher, the zoo's R50 | 44.3 |
| student alone, deformable-detr_r18_50e_coco.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './deformable-detr_r18_50e_coco.py',
    '../../_base_/pairs/deformable-detr_r50-r18_coco.py',
    '../../_base_/distill/detrdistill.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
