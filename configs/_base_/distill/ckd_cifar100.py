"""The hook: CKD on the logits of CIFAR-100's networks; the pair adds the teacher.

Contrastive logit distillation, arXiv:2404.14109, beside the student's own cross-entropy
at weight 1, as in the authors' code. They set weight and temperature for each pair of
networks: configs/_base_/pairs/. A row is contrasted with the other images of its batch.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(ckd=dict(on='logits', loss=dict(type='CKDLoss'))),
    )
]
