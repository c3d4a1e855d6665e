"""The hook: CrossKD through the RoI heads of Faster R-CNN; the pair adds the teacher.

The two-stage form of CrossKD, arXiv:2306.11369: the student's FPN maps and RoIs go
through the teacher's RoI head. KD of the classes of all sampled RoIs, background
included, at temperature 1 with weight 1, and of the box deltas.

What differs: this was written from a description, as the licence of the authors' code
forbids commercial use; the weights are ours. The authors take an L1 loss of the deltas
of the class where the teacher is surest, weighed by its probability. BoxRegressionLoss
takes RoIs that have an object, the deltas of its class, and those of them at which the
teacher is no worse.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            crosskd=dict(
                on='cross_roi_logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
            ),
            boxes=dict(
                on='cross_roi_boxes',
                loss=dict(type='BoxRegressionLoss', loss_weight=1.0),
            ),
        ),
    )
]
