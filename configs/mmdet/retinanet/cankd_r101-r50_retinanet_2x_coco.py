"""CanKD on FPN levels: RetinaNet R101 -> R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2511.21503. What is
set, and why: configs/_base_/distill/cankd_fpn.py. Teacher, student, schedule,
levels, weight, clipping, learning rate 0.02 for 16 images, and inheriting are those of
the published run: the student's neck and head start from the teacher's.

    tools/dist_train.sh configs/mmdet/retinanet/cankd_r101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 38.9 |
| student alone, the zoo's R50 2x | 37.4 |
| published | 39.8, without inheriting 39.7 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py',
    '../../_base_/pairs/retinanet_r101-r50_coco.py',
    '../../_base_/distill/cankd_fpn.py',
]

_base_.custom_hooks[0].update(
    teacher=_base_.pair.teacher,
    inherit=['neck', 'bbox_head'],
)
optim_wrapper = dict(
    optimizer=dict(lr=0.02),
    clip_grad=dict(max_norm=35, norm_type=2),
)
del _base_.pair
