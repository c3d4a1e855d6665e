"""CKD on class logits: RetinaNet R50 -> R18, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2404.14109. What is
set, why, and what differs from the paper: configs/_base_/distill/ckd_dense.py.

    tools/dist_train.sh configs/mmdet/retinanet/ckd_r50-r18_retinanet_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R50 2x | 37.4 |
| student alone, the zoo's R18 1x | 31.7 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py',
    '../../_base_/pairs/retinanet_r50-r18_coco.py',
    '../../_base_/distill/ckd_dense.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
