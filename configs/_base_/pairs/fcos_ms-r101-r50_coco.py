"""FCOS R101 -> R50 on COCO, many image scales: the teacher.

The teacher is the zoo's ms-640-800-2x (box AP 40.8), with Caffe's weights and mean as
the student. Both saw the same image scales, over 2x.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(
        config='mmdet::fcos/fcos_r101-caffe_fpn_gn-head_ms-640-800-2x_coco.py'
    ),
)
