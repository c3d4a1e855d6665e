"""The hook: CKD on the logits of ImageNet's networks; the pair adds the teacher.

Contrastive logit distillation, arXiv:2404.14109, with the authors' values for all pairs
of ImageNet and of Places365: weight 10, temperature 1, beside the student's own
cross-entropy at weight 1. A row is contrasted with the other images of its GPU.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            ckd=dict(
                on='logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=10.0),
            )
        ),
    )
]
