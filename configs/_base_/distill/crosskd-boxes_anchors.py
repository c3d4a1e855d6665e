"""The hook: CrossKD of RetinaNet and ATSS, boxes by GIoU; the pair adds the teacher.

CrossKD, arXiv:2306.11369, with its values for both: the student's maps behind the third
of four convolutions of the head go on in the teacher's head, quality focal KD of the
classes with beta 1 and weight 1, GIoU of the boxes with weight 1. All anchors count.

What differs: this was written from a description, as the licence of the authors' code
forbids commercial use. Each channel gets the teacher's mean and population standard
deviation, the square root of variance + 1e-12, behind its normalisation, if any, and
before its ReLU; the authors may divide by the standard deviation + 1e-6 of the sample.
With ATSS the authors also distil centerness (binary cross-entropy, weight 1), which no
part names yet, and here the confidence that weighs a box has the centerness in it.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            crosskd=dict(
                on=dict(part='cross_logits', at=3),
                loss=dict(type='QualityFocalKDLoss', beta=1.0, loss_weight=1.0),
            ),
            boxes=dict(
                on=dict(part='cross_boxes', at=3),
                loss=dict(type='BoxIoUKDLoss', mode='giou', loss_weight=1.0),
            ),
        ),
    )
]
