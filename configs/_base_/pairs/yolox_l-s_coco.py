"""YOLOX-l -> YOLOX-s on COCO: the teacher.

The teacher is the zoo's (box AP 49.4). Both models have one point at each position of the
same three levels.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(teacher=dict(config='mmdet::yolox/yolox_l_8xb8-300e_coco.py'))
