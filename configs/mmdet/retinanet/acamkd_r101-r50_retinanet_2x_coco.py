"""ACAM-KD on FPN levels: RetinaNet R101 -> R50, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2503.06307, whose code
is not public; its number is from summaries of it. Teacher, student, schedule, learning
rate 0.02, six masks, both weights 1 and the start from the teacher's neck and head are
those that they give. For how many images the rate is, they do not say: here for 16.
Masks are constants in the distance, and the student's maps are pooled for the
attention; docs/methods/acamkd.md says why.

    tools/dist_train.sh configs/mmdet/retinanet/acamkd_r101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 38.9 |
| student alone, the zoo's R50 2x | 37.4 |
| published | 41.2 |
| ours | not run yet |
"""

_base_ = 'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py'),
        inherit=['neck', 'bbox_head'],
        distill=dict(
            acamkd=dict(on='neck', loss=dict(type='ACAMKDLoss', num_masks=6)),
        ),
    )
]
optim_wrapper = dict(optimizer=dict(lr=0.02))
