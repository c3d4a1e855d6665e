"""Mask R-CNN on a Swin Transformer -> FCOS R50 on COCO: the teacher.

The teacher is the zoo's Mask R-CNN on Swin-S (box AP 48.2), trained for 3x with crops
and many image scales. Its FPN is as wide as FCOS's and begins at stride 4 instead of 8;
its images have another mean, which the hook sees to.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(
        config='mmdet::swin/mask-rcnn_swin-s-p4-w7_fpn_amp-ms-crop-3x_coco.py'
    ),
)
