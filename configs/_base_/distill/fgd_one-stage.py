"""The hook: FGD on the FPN of one-stage detectors; the pair adds the teacher.

Focal and global distillation, arXiv:2111.11837, with its authors' weights for one-stage
detectors, on all five levels of 256 channels.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            fgd=dict(
                on='neck',
                loss=dict(
                    type='FGDLoss',
                    foreground_weight=1e-3,
                    background_weight=5e-4,
                    attention_weight=1e-3,
                    relation_weight=5e-6,
                ),
            )
        ),
    )
]
