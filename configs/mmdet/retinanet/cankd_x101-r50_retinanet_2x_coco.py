"""CanKD on FPN levels: RetinaNet X101 -> RetinaNet R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2511.21503. What is
set, and why: configs/_base_/distill/cankd_fpn.py. Teacher, student, schedule,
levels, weight, clipping, learning rate 0.02 for 16 images, and inheriting are those of
the published run: the student's neck and head start from the teacher's.

    tools/dist_train.sh configs/mmdet/retinanet/cankd_x101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's X101-64x4d 1x | 41.0 |
| student alone, the zoo's R50 2x | 37.4 |
| published | 41.1, without inheriting 41.0 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py',
    '../../_base_/distill/cankd_fpn.py',
]

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
_base_.custom_hooks[0].update(
    teacher=dict(config='mmdet::retinanet/retinanet_x101-64x4d_fpn_1x_coco.py'),
    inherit=['neck', 'bbox_head'],
)
optim_wrapper = dict(
    optimizer=dict(lr=0.02),
    clip_grad=dict(max_norm=35, norm_type=2),
)
