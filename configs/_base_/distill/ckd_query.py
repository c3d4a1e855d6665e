"""The hook: CKD on the logits of matched queries; the pair adds the teacher.

Contrastive logit distillation, arXiv:2404.14109, on all queries of the last decoder
layer: each image's of student and teacher are matched by classes and boxes, and the
other pairs of the batch on the same GPU are the negatives. The paper has no detector
with queries: the pairs are our choice, and so are temperature 0.1 and weight 1, which
come from RoI logits of digit scenes. Not run.

Most queries find nothing. The 100 of each image where the teacher is surest:

    on=dict(part='query_logits', topk=100)
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            ckd=dict(
                on='query_logits',
                loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
            )
        ),
    )
]
