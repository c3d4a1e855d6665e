"""FCOS R101 -> R50 on COCO: the teacher.

The teacher is the zoo's 1x (box AP 39.1), with Caffe's weights and mean as the student.
It saw one image scale, as the student does; the zoo's ms-640-800-2x (40.8) saw two.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::fcos/fcos_r101-caffe_fpn_gn-head-1x_coco.py'),
)
