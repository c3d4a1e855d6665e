"""DIST on RoI logits: Cascade Mask R-CNN X101 -> Faster R-CNN R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2205.10536. What is
set, why, and what differs from the paper: configs/_base_/distill/dist_roi.py, and for
the teacher configs/_base_/pairs/faster-rcnn_cascade-x101-r50_coco.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/dist_cascade-x101-r50_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's Cascade Mask R-CNN X101-64x4d 20e | 45.6 |
| student alone, the zoo's R50 2x | 38.4 |
| published | 40.4, with a Cascade X101 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_cascade-x101-r50_coco.py',
    '../../_base_/distill/dist_roi.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
