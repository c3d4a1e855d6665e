"""Cascade Mask R-CNN X101 -> RetinaNet R50 on COCO: the teacher.

The teacher is the zoo's on ResNeXt-101 64x4d (box AP 45.6), trained for 20 epochs at
one image scale, as the student sees; the zoo's ms-3x (46.6) saw many. Its FPN has P2 to
P5 of convolutions and a pooled P6, RetinaNet's P3 to P7: P3 to P5 are in both.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(
        config='mmdet::cascade_rcnn/cascade-mask-rcnn_x101-64x4d_fpn_20e_coco.py'
    ),
)
