"""CKD with ReviewKD: Mask R-CNN R50 -> MobileNetV2, FPN, COCO, 1x (12 epochs).

Task: box detection and instance segmentation on COCO 2017, AP on val2017. Papers:
arXiv:2404.14109, arXiv:2104.09044. Masks are not distilled. CKD's authors train for 2x:
ckd-reviewkd_r50-mv2_mask-fpn_2x_coco.py. What is set, why, and what differs from the
papers: configs/_base_/distill/ckd-reviewkd_fpn.py, and for the weight 1.0 of ReviewKD
configs/_base_/pairs/mask-rcnn_r50-mv2_coco.py.

    tools/dist_train.sh configs/mmdet/mask_rcnn/ckd-reviewkd_r50-mv2_mask-fpn_1x_coco.py 8

| run | box AP | mask AP |
|---|---|---|
| teacher, the zoo's R50 2x | 39.2 | 35.4 |
| student alone, mask-rcnn_mv2_fpn_1x_coco.py | not run yet | not run yet |
| published | not found | not found |
| ours | not run yet | not run yet |
"""

_base_ = [
    './mask-rcnn_mv2_fpn_1x_coco.py',
    '../../_base_/pairs/mask-rcnn_r50-mv2_coco.py',
    '../../_base_/distill/ckd-reviewkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
