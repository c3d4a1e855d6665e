"""The hook: SimKD for CIFAR-100's networks; the pair adds the teacher.

Knowledge distillation with the reused teacher classifier, arXiv:2203.14001: the mean
squared error of the last maps alone, without the student's cross-entropy, behind a
projector of half the teacher's width. The authors' schedule is that of the benchmark.

At inference the student has the projector and the teacher's classifier. The run's
metric is that of this student; tools/export_student.py writes it.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            simkd=dict(
                on='module:backbone:-1',
                loss=dict(type='SimKDLoss', reduction=2),
            )
        ),
        student_loss_weight=0.0,
    )
]
