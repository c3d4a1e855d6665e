"""CKD with CrossKD on RoIs: Faster R-CNN R101 -> R50, FPN, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Papers: arXiv:2404.14109,
arXiv:2306.11369. What is set, why, and what differs from the paper:
configs/_base_/distill/ckd-crosskd-boxes_roi.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/ckd-crosskd-boxes_r101-r50_fpn_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 39.8 |
| student alone, the zoo's R50 1x | 37.4 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    '../../_base_/pairs/faster-rcnn_r101-r50_coco.py',
    '../../_base_/distill/ckd-crosskd-boxes_roi.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
