"""RetinaNet R50 -> R18 on COCO: the teacher.

The teacher is the zoo's 2x (box AP 37.4). It saw one image scale, as the student does;
the zoo's ms-640-800-3x (39.5) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={'1x': 'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py'},
    teacher=dict(config='mmdet::retinanet/retinanet_r50_fpn_2x_coco.py'),
)
