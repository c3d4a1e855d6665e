"""The hook: DKD on the logits of CIFAR-100's networks; the pair adds the teacher.

Decoupled knowledge distillation, arXiv:2203.08679, with its values for CIFAR-100: alpha
1, temperature 4, and a weight that rises from 0 over the first 20 epochs. The authors
tune beta for each pair of networks: configs/_base_/pairs/. Their warm-up rises in steps
of an epoch, ours at every iteration; under 480 epochs it is 20 epochs as well.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            dkd=dict(
                on='logits',
                loss=dict(type='DKDLoss', alpha=1.0, temperature=4.0),
                schedule=dict(warmup=20),
            )
        ),
    )
]
