"""The hook: DIST on the logits of ImageNet's networks; the pair adds the teacher.

Correlation of predictions, arXiv:2205.10536: beta 2, gamma 2, temperature 1, the
paper's values for ImageNet. The correlation over the samples of a class sees the images
of one GPU. The schedule of the published run was in no source that could be read: it
is that of the student.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            dist=dict(
                on='logits',
                loss=dict(
                    type='DISTLoss',
                    beta=2.0,
                    gamma=2.0,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
