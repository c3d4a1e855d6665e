"""The hook: DETRDistill's features, weighed by queries; the pair adds the teacher.

The target-aware feature distillation of DETRDistill, arXiv:2211.10156, with the values
of the authors' code (BIVLab-USTC/DETRDistill): all levels of the neck, all decoder
layers, weight 1. It leaves out the padding of a batch, which counts there. Their
published numbers have two more parts: predictions of matched queries, and the teacher's
queries as a second group of the student's. `on='encoder'` compares what the encoders
make of the same levels.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            detrdistill=dict(on='neck', loss=dict(type='DETRDistillLoss')),
        ),
    )
]
