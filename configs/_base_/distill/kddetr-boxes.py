"""The hook: KD-DETR where random points are no queries; the pair adds the teacher.

KD-DETR, arXiv:2211.08071, of which the specific points alone: both decoders answer the
teacher's queries. Deformable DETR's reference points come from learned embeddings, so a
random point is no query there. All values are those of
kddetr-boxes-points-pointboxes.py, which says where they are from.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            kddetr=dict(
                on=dict(
                    part='shared_query_logits',
                    teacher_layer='last',
                    activation='softmax',
                ),
                loss=dict(type='DistributionKDLoss', temperature=10.0, loss_weight=6.0),
            ),
            boxes=dict(
                on=dict(part='shared_query_boxes', teacher_layer='last'),
                loss=dict(type='BoxIoUKDLoss', loss_weight=12.0, l1_weight=2.5),
            ),
        ),
    )
]
