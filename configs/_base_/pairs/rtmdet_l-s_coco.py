"""RTMDet-l -> RTMDet-s on COCO: the teacher.

The teacher is the zoo's (box AP 51.3). Both models have one point at each position of the
same three levels.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(teacher=dict(config='mmdet::rtmdet/rtmdet_l_8xb32-300e_coco.py'))
