"""MGD on FPN levels: RetinaNet X101 ms-3x -> RetinaNet R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2205.01529. What is
set, and why: configs/_base_/distill/mgd_one-stage.py. Teacher, student, schedule, levels,
weights, clipping and inheriting are those of the published run: the student's neck and
head start from the teacher's.

    tools/dist_train.sh configs/mmdet/retinanet/mgd_ms-x101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's X101-64x4d ms-3x | 41.6 |
| student alone, the zoo's R50 2x | 37.4 |
| published | 41.0 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py',
    '../../_base_/distill/mgd_one-stage.py',
]

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
_base_.custom_hooks[0].update(
    teacher=dict(
        config='mmdet::retinanet/retinanet_x101-64x4d_fpn_ms-640-800-3x_coco.py'
    ),
    inherit=['neck', 'bbox_head'],
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
