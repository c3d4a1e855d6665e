"""Deformable DETR R50 -> R18 on COCO: the teacher.

The teacher is the zoo's plain Deformable DETR (box AP 44.3), whose queries are learned,
as the student's are. The zoo has none on ResNet-101.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'),
)
