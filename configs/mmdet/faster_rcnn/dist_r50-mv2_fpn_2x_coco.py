"""DIST on RoI logits: Faster R-CNN R50 -> MobileNetV2, FPN, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2205.10536. What is
set, why, and what differs from the paper: configs/_base_/distill/dist_roi.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/dist_r50-mv2_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R50 2x | 38.4 |
| student alone, faster-rcnn_mv2_fpn_2x_coco.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './faster-rcnn_mv2_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_r50-mv2_coco.py',
    '../../_base_/distill/dist_roi.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
