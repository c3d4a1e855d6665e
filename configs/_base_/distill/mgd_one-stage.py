"""The hook: MGD on the FPN of one-stage detectors; the pair adds the teacher.

Masked generative distillation, arXiv:2205.01529, with its authors' values for one-stage
detectors: 65 % of the positions masked, weight 2e-5, on all five levels of 256
channels, as in yzd-v/MGD. The published numbers also have gradients clipped at a norm
of 35, 2x, and for equal heads the teacher's neck and head as the student's start.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            mgd=dict(
                on='neck',
                loss=dict(
                    type='MGDLoss',
                    mask_ratio=0.65,
                    loss_weight=2e-5,
                ),
            )
        ),
    )
]
