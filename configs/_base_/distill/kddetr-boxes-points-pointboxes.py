"""The hook: KD-DETR on DAB-DETR; the pair adds the teacher.

KD-DETR, arXiv:2211.08071: both decoders answer the teacher's anchors, and 300 random
ones, which are drawn anew in each step. Each decoder layer of the student is compared
with the teacher's last: classes by KL at temperature 10, boxes by GIoU and L1, each
query weighed by the teacher's probability of its best class.

The values are those of a third party's upload that seems to be the authors' code
(github.com/Myleswork/KD-DETR, eecf170). It sums over six layers, which is six times the
mean here: 6 * 2 * (GIoU + 5 / 2 * L1). Of the classes it also sums over the queries and
takes the mean over the classes, where we take the weighted mean of the queries and sum
over the classes. The two are equal where the weights of a batch add up to the number of
classes, 80.
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
            points=dict(
                on=dict(
                    part='shared_query_logits',
                    queries='random',
                    teacher_layer='last',
                    activation='softmax',
                ),
                loss=dict(type='DistributionKDLoss', temperature=10.0, loss_weight=6.0),
            ),
            pointboxes=dict(
                on=dict(
                    part='shared_query_boxes', queries='random', teacher_layer='last'
                ),
                loss=dict(type='BoxIoUKDLoss', loss_weight=12.0, l1_weight=2.5),
            ),
        ),
    )
]
