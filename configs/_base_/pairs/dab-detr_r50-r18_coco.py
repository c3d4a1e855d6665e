"""DAB-DETR R50 -> R18 on COCO: the teacher.

The teacher is the zoo's only DAB-DETR (box AP 42.3). The zoo has none on ResNet-18.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::dab_detr/dab-detr_r50_8xb2-50e_coco.py'),
)
