r"""The hook: CKD on RoI logits from the zoo's Faster R-CNN R101 2x (box AP 39.8).

Contrastive logit distillation, arXiv:2404.14109, with the values of the authors' code
for COCO: all RoIs that one GPU samples, background included, temperature 1, weight 0.1.

What differs: the authors never train CKD alone on COCO, but always beside ReviewKD on
the FPN; here it stands alone. They run the student's RoI head a second time, we do not.
In a first measurement on digit scenes these values did nothing, while temperature 0.1
with weight 1 beat KD and DIST (one or two seeds):

    --cfg-options custom_hooks.0.distill.ckd.loss.temperature=0.1 \
        custom_hooks.0.distill.ckd.loss.loss_weight=1.0

The teacher is the same for 1x and 2x students, so that those differ in their schedule
alone. It saw one image scale, as they do; the zoo's ms-3x (41.8) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
        distill=dict(
            ckd=dict(
                on='roi_logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=0.1),
            )
        ),
    )
]
