"""The hook: DKD on RoI logits of Faster and Mask R-CNN; the pair adds the teacher.

Decoupled knowledge distillation, arXiv:2203.08679, on all sampled RoIs; the target is
the class that the assigner gave, background included. The values are those of the
authors' detection code (`detection/model/config.py` in megvii-research/mdistiller):
alpha 1, beta 0.25, temperature 1, weight 1. It has no warm-up there, unlike on
CIFAR-100, and none here.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            dkd=dict(
                on='roi_logits',
                loss=dict(
                    type='DKDLoss',
                    alpha=1.0,
                    beta=0.25,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
