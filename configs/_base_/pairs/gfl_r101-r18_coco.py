"""GFL R101 -> R18 on COCO: the teacher.

The teacher is the zoo's 2x (box AP 44.7), its only GFL on ResNet-101 without deformable
convolutions. It saw many image scales, the student sees one; MMDetection's own LD has
the same teacher.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={'1x': 'mmdet/gfl/gfl_r18_fpn_1x_coco.py'},
    teacher=dict(config='mmdet::gfl/gfl_r101_fpn_ms-2x_coco.py'),
)
