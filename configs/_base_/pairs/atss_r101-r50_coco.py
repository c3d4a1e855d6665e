"""ATSS R101 -> R50 on COCO: the teacher.

The teacher is the zoo's 1x (box AP 41.5), which saw one image scale, as the student
does.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::atss/atss_r101_fpn_1x_coco.py'),
)
