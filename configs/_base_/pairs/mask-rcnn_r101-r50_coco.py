"""Mask R-CNN R101 -> R50 on COCO: the teacher.

The teacher is the zoo's 2x (box AP 40.8, mask AP 36.6), for 1x and 2x students alike,
so that those differ in their schedule alone. It saw one image scale, as they do; the
zoo's ms-poly-3x saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::mask_rcnn/mask-rcnn_r101_fpn_2x_coco.py'),
)
