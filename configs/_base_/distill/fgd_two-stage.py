"""The hook: FGD on the FPN of two-stage detectors; the pair adds the teacher.

Focal and global distillation, arXiv:2111.11837, with its authors' weights for two-stage
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
                    foreground_weight=5e-5,
                    background_weight=2.5e-5,
                    attention_weight=5e-5,
                    relation_weight=5e-7,
                ),
            )
        ),
    )
]
