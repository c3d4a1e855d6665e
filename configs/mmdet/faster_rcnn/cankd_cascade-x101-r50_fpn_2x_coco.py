"""CanKD on FPN levels: Cascade Mask R-CNN X101 -> Faster R-CNN R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2511.21503. What is
set, and why: configs/_base_/distill/cankd_fpn.py. Teacher, student, schedule,
levels, weight and clipping are those of the published run with a plain start. The other
number is of a student whose box head starts from that of the cascade's first stage,
which has another name and is not inherited here.

    tools/dist_train.sh configs/mmdet/faster_rcnn/cankd_cascade-x101-r50_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's Cascade Mask R-CNN X101-64x4d 20e | 45.6 |
| student alone, the zoo's R50 2x | 38.4 |
| published | 42.0, with inheriting 42.5 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/pairs/faster-rcnn_cascade-x101-r50_coco.py',
    '../../_base_/distill/cankd_fpn.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
del _base_.pair
