"""The hook: localisation distillation of GFL; the pair adds the teacher.

ArXiv:2102.12252: KL divergence of the distributions of a box's four edges, at
temperature 10 and weight 0.25, at the anchors that the student's assigner gave an
object.

What differs: MMDetection's LD weighs these anchors by the student's confidence, sums
over them by level, and takes the mean over the 17 bins of a distribution. Here all
anchors count alike, in a mean over edges, and bins are summed. At weight 0.25 the ratio
of their loss to ours is the number of anchors in a batch times their mean confidence,
over 17. The authors also distil a region around these anchors, we do not.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            ld=dict(
                on=dict(part='box_distribution', rows='assigned'),
                loss=dict(type='KDLoss', temperature=10.0, loss_weight=0.25),
            )
        ),
    )
]
