"""CKD on query logits: Deformable DETR, two-stage R50 -> R50, COCO, 50 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2404.14109. What is
set, why, and what differs from the paper: configs/_base_/distill/ckd_query.py.

    tools/dist_train.sh configs/mmdet/deformable_detr/ckd_twostage-r50-r50_deformable-detr_50e_coco.py 16

| run | box AP |
|---|---|
| teacher, the zoo's two-stage R50 | 47.0 |
| student alone, the zoo's R50 | 44.3 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py',
    '../../_base_/pairs/deformable-detr_twostage-r50-r50_coco.py',
    '../../_base_/distill/ckd_query.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
