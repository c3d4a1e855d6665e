"""DINO with four levels, R50 -> R18 on COCO: the teacher.

The teacher is the zoo's DINO of 12 epochs (box AP 49.0), the student's schedule. The
zoo has none on ResNet-101, nor weights of the one of 36 epochs.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'),
)
