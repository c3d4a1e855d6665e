"""The hook: MGD on the FPN of two-stage detectors; the pair adds the teacher.

Masked generative distillation, arXiv:2205.01529, with its authors' values for two-stage
detectors: 45 % of the positions masked, weight 5e-7, on all five levels of 256
channels.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            mgd=dict(
                on='neck',
                loss=dict(
                    type='MGDLoss',
                    mask_ratio=0.45,
                    loss_weight=5e-7,
                ),
            )
        ),
    )
]
