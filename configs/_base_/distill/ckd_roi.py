r"""The hook: CKD on RoI logits of Faster and Mask R-CNN; the pair adds the teacher.

Contrastive logit distillation, arXiv:2404.14109, with the values of the authors' code
for COCO: all RoIs that one GPU samples, background included, temperature 1, weight 0.1.

What differs: the authors never train CKD alone on COCO, but always beside ReviewKD on
the FPN, as in ckd-reviewkd_fpn.py; here it stands alone. They run the student's RoI
head a second time, we do not. On digit scenes these values did nothing (-0.007 ± 0.020
mAP, 3 seeds). Temperature 0.1 with weight 1 gave 0.558, KD 0.531, DIST 0.576 and the
student alone 0.468 (benchmarks/results/digit_scenes_logits.md):

    --cfg-options custom_hooks.0.distill.ckd.loss.temperature=0.1 \
        custom_hooks.0.distill.ckd.loss.loss_weight=1.0
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            ckd=dict(
                on='roi_logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=0.1),
            )
        ),
    )
]
