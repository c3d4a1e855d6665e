"""The hook: CWD on all levels of an FPN; the pair adds the teacher.

Channel-wise distillation, arXiv:2011.13256, at temperature 1 and weight 5, which
mmrazor has. It compares the class maps of GFL there; on an FPN the values are not run.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            cwd=dict(
                on='neck', loss=dict(type='CWDLoss', temperature=1.0, loss_weight=5.0)
            )
        ),
    )
]
