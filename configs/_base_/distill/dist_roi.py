"""The hook: DIST on RoI logits of Faster and Mask R-CNN; the pair adds the teacher.

Correlation of predictions, arXiv:2205.10536, on all sampled RoIs, background included.
The paper distils these logits as well, but its values for detection were not found in a
source that could be read; here are the defaults of the authors' code, beta 1, gamma 1
and temperature 1 (their ImageNet runs use 2, 2 and 1).
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            dist=dict(
                on='roi_logits',
                loss=dict(
                    type='DISTLoss',
                    beta=1.0,
                    gamma=1.0,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
