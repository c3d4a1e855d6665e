"""RetinaNet R101 -> R50 on COCO: the teacher.

The teacher is the zoo's 2x (box AP 38.9). It saw one image scale, as the student does;
the zoo's ms-640-800-3x (41.0) saw many.

PKD: the weight for RetinaNet X101 -> R50 in its authors' code (open-mmlab/mmrazor).
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={'1x': 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'},
    teacher=dict(config='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py'),
    pkd=dict(loss_weight=10.0),
)
