"""FCOS X101 -> RetinaNet R50 on COCO: the teacher.

The teacher is the zoo's only FCOS on ResNeXt-101 (box AP 42.6), trained for 2x at many
image scales. Its FPN has the levels and widths of RetinaNet's, P3 to P7. Its head has
points instead of anchors, so the class logits of the two have no rows in common.

PKD: the weight for this pair in its authors' code (open-mmlab/mmrazor).
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(
        config='mmdet::fcos/fcos_x101-64x4d_fpn_gn-head_ms-640-800-2x_coco.py'
    ),
    pkd=dict(loss_weight=10.0),
)
