"""DKD on RoI logits: Faster R-CNN R50 -> MobileNetV2, FPN, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2203.08679. What is
set, why, and what differs from the paper: configs/_base_/distill/dkd_roi.py.

    tools/dist_train.sh configs/mmdet/faster_rcnn/dkd_r50-mv2_fpn_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R50 2x | 38.4 |
| student alone, faster-rcnn_mv2_fpn_1x_coco.py | not run yet |
| published | 29.24 in PLD's table, arXiv:2506.12542 (weaker schedule; do not compare) |
| ours | not run yet |
"""

_base_ = [
    './faster-rcnn_mv2_fpn_1x_coco.py',
    '../../_base_/pairs/faster-rcnn_r50-mv2_coco.py',
    '../../_base_/distill/dkd_roi.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
