"""CKD with ReviewKD: Mask R-CNN R101 -> R50, FPN, COCO, 2x (24 epochs).

Task: box detection and instance segmentation on COCO 2017, AP on val2017. Papers:
arXiv:2404.14109, arXiv:2104.09044. Masks are not distilled. The schedule is that of
CKD's authors. What is set, why, and what differs from the papers:
configs/_base_/distill/ckd-reviewkd_fpn.py, and for the weight 0.8 of ReviewKD
configs/_base_/pairs/mask-rcnn_r101-r50_coco.py.

    tools/dist_train.sh configs/mmdet/mask_rcnn/ckd-reviewkd_r101-r50_mask-fpn_2x_coco.py 8

| run | box AP | mask AP |
|---|---|---|
| teacher, the zoo's R101 2x | 40.8 | 36.6 |
| student alone, the zoo's R50 2x | 39.2 | 35.4 |
| published | not found | not found |
| ours | not run yet | not run yet |
"""

_base_ = [
    'mmdet::mask_rcnn/mask-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/pairs/mask-rcnn_r101-r50_coco.py',
    '../../_base_/distill/ckd-reviewkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
