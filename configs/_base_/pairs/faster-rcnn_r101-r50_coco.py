"""Faster R-CNN R101 -> R50 on COCO: the teacher, and what is set for this pair.

The teacher is the zoo's 2x (box AP 39.8), for 1x and 2x students alike, so that those
differ in their schedule alone. It saw one image scale, as they do; the zoo's ms-3x
(41.8) saw many.

ReviewKD: the weight for this pair in both authors' code, ReviewKD's
(dvlab-research/ReviewKD, `Detection/configs/ReviewKD-R50-R101.yaml`) and CKD's.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={
        '1x': 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
        '2x': 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    },
    teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
    reviewkd=dict(loss_weight=1.0),
)
