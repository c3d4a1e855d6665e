"""CKD on class logits: FCOS R101 -> R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2404.14109. What is
set, why, and what differs from the paper: configs/_base_/distill/ckd_dense.py.

    tools/dist_train.sh configs/mmdet/fcos/ckd_r101-r50_fcos_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 1x | 39.1 |
| student alone, the zoo's R50 1x | 36.6 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py',
    '../../_base_/pairs/fcos_r101-r50_coco.py',
    '../../_base_/distill/ckd_dense.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
