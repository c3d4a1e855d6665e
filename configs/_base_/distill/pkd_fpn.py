"""The hook: PKD on all levels of an FPN; the pair adds the teacher.

Pearson correlation of feature maps, arXiv:2207.02039, at weight 6, which its authors
have for necks. Widths and strides of the two necks must agree, heads need not.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(pkd=dict(on='neck', loss=dict(type='PKDLoss', loss_weight=6.0))),
    )
]
