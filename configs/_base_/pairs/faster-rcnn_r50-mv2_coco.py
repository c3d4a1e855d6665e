"""Faster R-CNN R50 -> MobileNetV2 on COCO: the teacher.

The teacher is the zoo's 2x (box AP 38.4), for 1x and 2x students alike, so that those
differ in their schedule alone. It saw one image scale, as they do; the zoo's ms-3x
(40.3) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py'),
)
