"""Mask R-CNN R101 -> R18 on COCO: the teacher, and what is set for this pair.

The teacher is the zoo's 2x (box AP 40.8, mask AP 36.6), for 1x and 2x students alike,
so that those differ in their schedule alone. It saw one image scale, as they do; the
zoo's ms-poly-3x saw many.

ReviewKD: the weight of CKD's authors for this pair. ReviewKD's own have 1.5
(dvlab-research/ReviewKD, `Detection/configs/ReviewKD-R18-R101-Mask.yaml`), which is one
option away: `--cfg-options custom_hooks.0.distill.reviewkd.loss.loss_weight=1.5`.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={
        '1x': 'mmdet/mask_rcnn/mask-rcnn_r18_fpn_1x_coco.py',
        '2x': 'mmdet/mask_rcnn/mask-rcnn_r18_fpn_2x_coco.py',
    },
    teacher=dict(config='mmdet::mask_rcnn/mask-rcnn_r101_fpn_2x_coco.py'),
    reviewkd=dict(loss_weight=0.8),
)
