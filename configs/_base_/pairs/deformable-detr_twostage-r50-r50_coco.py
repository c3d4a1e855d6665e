"""Deformable DETR, two-stage R50 -> R50 on COCO: the teacher.

The teacher is the zoo's strongest Deformable DETR (box AP 47.0), which refines boxes by
layer and takes its queries from the encoder; the zoo has none on ResNet-101. The
student does neither, on the same backbone.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(
        config='mmdet::deformable_detr/deformable-detr-refine-twostage_r50_16xb2-50e_coco.py'
    ),
)
