"""The hook: CrossKD of FCOS, boxes by IoU; the pair adds the teacher.

CrossKD, arXiv:2306.11369, with its values for FCOS: the student's maps behind the
second of four convolutions of the head go on in the teacher's head, quality focal KD of
the classes with beta 1 and weight 0.4, IoU of the boxes with weight 0.75. All points
count.

What differs: this was written from a description, as the licence of the authors' code
forbids commercial use. Each channel gets the teacher's mean and population standard
deviation, the square root of variance + 1e-12, behind its GroupNorm and before its
ReLU; the authors may divide by the standard deviation + 1e-6 of the sample. Here the
confidence that weighs a box has the centerness in it.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            crosskd=dict(
                on=dict(part='cross_logits', at=2),
                loss=dict(type='QualityFocalKDLoss', beta=1.0, loss_weight=0.4),
            ),
            boxes=dict(
                on=dict(part='cross_boxes', at=2),
                loss=dict(type='BoxIoUKDLoss', mode='iou', loss_weight=0.75),
            ),
        ),
    )
]
