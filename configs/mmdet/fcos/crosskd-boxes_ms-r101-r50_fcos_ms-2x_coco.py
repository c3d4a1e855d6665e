"""CrossKD: FCOS R101 -> R50, COCO, ms-2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2306.11369. What is
set, why, and what differs from the paper: configs/_base_/distill/crosskd-boxes_fcos.py.

    tools/dist_train.sh configs/mmdet/fcos/crosskd-boxes_ms-r101-r50_fcos_ms-2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 ms-2x | 40.8 |
| student alone, the zoo's R50 ms-2x | 38.5 |
| published | 41.1 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_ms-640-800-2x_coco.py',
    '../../_base_/pairs/fcos_ms-r101-r50_coco.py',
    '../../_base_/distill/crosskd-boxes_fcos.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
