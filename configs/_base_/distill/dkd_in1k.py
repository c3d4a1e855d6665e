"""The hook: DKD on the logits of ImageNet's networks; the pair adds teacher and beta.

Decoupled knowledge distillation, arXiv:2203.08679: alpha 1, temperature 1, weight 1,
the authors' values for ImageNet (megvii-research/mdistiller, `configs/imagenet`), whose
other settings are the stock ones at twice the batch and the learning rate. Their
warm-up of one epoch has no effect: epochs count from 1. They tune beta for each pair:
configs/_base_/pairs/.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            dkd=dict(
                on='logits',
                loss=dict(type='DKDLoss', alpha=1.0, temperature=1.0, loss_weight=1.0),
            )
        ),
    )
]
