"""MGD on FPN levels: Cascade Mask R-CNN X101 with DCN -> Faster R-CNN R50, COCO, 2x.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2205.01529. What is
set, and why: configs/_base_/distill/mgd_two-stage.py. Teacher, student, schedule, levels,
weights and clipping are those of the published run. The heads differ, so nothing is
inherited from the teacher, there as here.

    tools/dist_train.sh configs/mmdet/faster_rcnn/mgd_cascade-x101-r50_fpn_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's Cascade Mask R-CNN X101-32x4d with DCN 1x | 47.3 |
| student alone, the zoo's R50 2x | 38.4 |
| published | 42.1 |
| ours | not run yet |
"""

_base_ = [
    'mmdet::faster_rcnn/faster-rcnn_r50_fpn_2x_coco.py',
    '../../_base_/distill/mgd_two-stage.py',
]

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
_base_.custom_hooks[0].teacher = dict(
    config='mmdet::dcn/cascade-mask-rcnn_x101-32x4d-dconv-c3-c5_fpn_1x_coco.py'
)
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))
