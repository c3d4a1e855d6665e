"""CanKD on FPN levels: Faster R-CNN R101 -> R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2511.21503. What is
set, and why: configs/_base_/distill/cankd_fpn.py. Teacher, student, schedule,
levels, weight, clipping and inheriting are those of the published run: the student's
neck and box head start from the teacher's.

    tools/dist_train.sh configs/mmdet/faster_rcnn/cankd_r101-r50_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 39.8 |
| student alone, the zoo's R50 2x | 38.4 |
| published | 40.7, without inheriting 40.1 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_r101-r50_coco.py',
    '../../_base_/distill/cankd_fpn.py',
]

_base_.custom_hooks[0].update(
    teacher=_base_.pair.teacher,
    inherit=['neck', 'roi_head.bbox_head'],
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
del _base_.pair
