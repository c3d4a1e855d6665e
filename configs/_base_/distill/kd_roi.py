"""The hook: KD on RoI logits of Faster and Mask R-CNN; the pair adds the teacher.

Knowledge distillation, arXiv:1503.02531, KL divergence of the class probabilities of
all sampled RoIs, background included: temperature 1, as is usual on RoIs, beside the
student's own losses at full weight. The paper has no detection; the weight 1 is our
choice.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            kd=dict(
                on='roi_logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
            )
        ),
    )
]
