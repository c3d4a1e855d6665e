"""The hook: CrossKD of GFL with box distributions; the pair adds the teacher.

CrossKD, arXiv:2306.11369, with its values for GFL: the student's maps behind the third
of four convolutions of the head go on in the teacher's head, quality focal KD of the
classes with beta 1 and weight 1, KL of the distributions of the box edges at
temperature 1 with weight 4. All anchors count.

What differs: this was written from a description, as the licence of the authors' code
forbids commercial use. Each channel gets the teacher's mean and population standard
deviation, the square root of variance + 1e-12, behind its GroupNorm and before its
ReLU; the authors may divide by the standard deviation + 1e-6 of the sample.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            crosskd=dict(
                on=dict(part='cross_logits', at=3),
                loss=dict(type='QualityFocalKDLoss', beta=1.0, loss_weight=1.0),
            ),
            edges=dict(
                on=dict(part='cross_distribution', at=3),
                loss=dict(type='DistributionKDLoss', temperature=1.0, loss_weight=4.0),
            ),
        ),
    )
]
