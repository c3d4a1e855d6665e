"""The hook: MGD on the FPN of two-stage detectors; the pair adds the teacher.

Masked generative distillation, arXiv:2205.01529, with its authors' values for two-stage
detectors (yzd-v/MGD): 45 % of the positions masked, weight 5e-7, on P2 to P5. The
published numbers also have gradients clipped at a norm of 35, over 2x.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            mgd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(
                    type='MGDLoss',
                    mask_ratio=0.45,
                    loss_weight=5e-7,
                ),
            )
        ),
    )
]
