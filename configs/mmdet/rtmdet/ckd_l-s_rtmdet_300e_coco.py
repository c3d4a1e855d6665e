"""CKD on class logits: RTMDet-l -> RTMDet-s, COCO, 300 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2404.14109. What is
set, why, and what differs from the paper: configs/_base_/distill/ckd_dense.py.

RTMDet has hooks of its own (the average of weights and the switch to a pipeline without
mosaic), which a new `custom_hooks` would replace: they are taken from the student's
config, and ours comes after them. So it is number 2 for `--cfg-options`, as in
`custom_hooks.2.distill.ckd.on`.

    tools/dist_train.sh configs/mmdet/rtmdet/ckd_l-s_rtmdet_300e_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's RTMDet-l | 51.3 |
| student alone, the zoo's RTMDet-s | 44.5 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py',
    '../../_base_/pairs/rtmdet_l-s_coco.py',
]

custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='DistillationHook',
        teacher=_base_.pair.teacher,
        distill=dict(
            ckd=dict(
                on='dense_logits',
                loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
            )
        ),
    ),
]
del _base_.pair
