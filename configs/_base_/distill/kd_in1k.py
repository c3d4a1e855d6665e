"""The hook: KD on the logits of ImageNet's networks; the pair adds the teacher.

Knowledge distillation, arXiv:1503.02531. Temperature 1, and 0.5 for the KL divergence
as for the student's cross-entropy: the values of megvii-research/mdistiller for
ImageNet (`configs/imagenet/r34_r18/kd.yaml`, `r50_mv1/kd.yaml`), whose other settings
are the stock ones (100 epochs, steps at 30, 60 and 90) at twice the batch and the
learning rate. The 0.9 and 0.1 at temperature 4 that are often seen belong to CIFAR-100.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
            )
        ),
        student_loss_weight=0.5,
    )
]
