"""Cascade Mask R-CNN X101 -> Faster R-CNN R50 on COCO: the teacher.

The teacher is the zoo's on ResNeXt-101 64x4d (box AP 45.6), trained for 20 epochs at
one image scale, as the student sees; the zoo's ms-3x (46.6) saw many. DIST was
published with a Cascade X101 and this student: which one, we do not know. FGD and MGD
name theirs, X101 32x4d with deformable convolutions (box AP 47.3). Their configs have
it.

The last of its three stages sees the RoIs of the student. The mean of all three:

    on=dict(part='roi_logits', teacher_stage='average')
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={'2x': 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py'},
    teacher=dict(
        config='mmdet::cascade_rcnn/cascade-mask-rcnn_x101-64x4d_fpn_20e_coco.py'
    ),
)
