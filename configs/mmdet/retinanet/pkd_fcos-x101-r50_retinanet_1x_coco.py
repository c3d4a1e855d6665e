"""PKD on FPN levels: FCOS X101 -> RetinaNet R50, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2207.02039. What is
set, why, and what differs from the paper: configs/_base_/distill/pkd_fpn.py. Teacher,
student, schedule, levels and weight are those of the published run.

    tools/dist_train.sh configs/mmdet/retinanet/pkd_fcos-x101-r50_retinanet_1x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's FCOS X101 2x | 42.6 |
| student alone, the zoo's R50 1x | 36.5 |
| published | 40.3, for an FCOS X101 and this student in mmrazor |
| ours | not run yet |
"""

_base_ = [
    'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
    '../../_base_/pairs/retinanet_fcos-x101-r50_coco.py',
    '../../_base_/distill/pkd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.pkd.loss.update(_base_.pair.pkd)
del _base_.pair
