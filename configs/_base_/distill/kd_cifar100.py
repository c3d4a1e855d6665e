"""The hook: KD on the logits of CIFAR-100's networks; the pair adds the teacher.

Knowledge distillation, arXiv:1503.02531, with the values of the CIFAR-100 distillation
benchmark for all pairs: temperature 4, 0.9 for the KL divergence and 0.1 for the
student's cross-entropy.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9),
            )
        ),
        student_loss_weight=0.1,
    )
]
