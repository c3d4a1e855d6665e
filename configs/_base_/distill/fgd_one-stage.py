"""The hook: FGD on the FPN of anchor-based one-stage detectors.

Focal and global distillation, arXiv:2111.11837, on all five levels of 256 channels,
with the weights of its authors' released configs (yzd-v/FGD) for RetinaNet, GFL and
SOLO. The paper prints 1e-3 for the attention, the class's default. Anchor-free
detectors have others there: 1.6e-3, 8e-4, 8e-4, 8e-6, and temperature 0.8 for FCOS.

What gave the published numbers beside these weights: gradients clipped at a norm of 35,
2x, and for equal heads the teacher's neck and head as the student's start
(`init_student`). The pair adds the teacher; a config that quotes a number says which of
these it has.
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
                    attention_weight=5e-4,
                    relation_weight=5e-6,
                ),
            )
        ),
    )
]
