"""Mask R-CNN R50 -> MobileNetV2 on COCO: the teacher, and what is set for this pair.

The teacher is the zoo's 2x (box AP 39.2, mask AP 35.4), for 1x and 2x students alike,
so that those differ in their schedule alone. It saw one image scale, as they do; the
zoo's ms-poly-3x saw many.

ReviewKD: the weight of its authors for this pair (dvlab-research/ReviewKD,
`Detection/configs/ReviewKD-MV2-R50-Mask.yaml`). One of CKD's authors was not found.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={
        '1x': 'mmdet/mask_rcnn/mask-rcnn_mv2_fpn_1x_coco.py',
        '2x': 'mmdet/mask_rcnn/mask-rcnn_mv2_fpn_2x_coco.py',
    },
    teacher=dict(config='mmdet::mask_rcnn/mask-rcnn_r50_fpn_2x_coco.py'),
    reviewkd=dict(loss_weight=1.0),
)
