"""The hook: FGD on the FPN of two-stage detectors; the pair adds the teacher.

Focal and global distillation, arXiv:2111.11837, with its authors' weights for two-stage
detectors (yzd-v/FGD), on P2 to P5, as there: the pooled P6 would add a quarter to
foreground and background, whose masks sum to 1 on each level.

The published numbers also have gradients clipped at a norm of 35 over 2x, and for
Faster R-CNN R101 -> R50 the teacher's neck and heads as the student's start.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            fgd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(
                    type='FGDLoss',
                    foreground_weight=5e-5,
                    background_weight=2.5e-5,
                    attention_weight=5e-5,
                    relation_weight=5e-7,
                ),
            )
        ),
    )
]
