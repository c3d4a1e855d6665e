"""PS-KD: classification of digits, ResNet-18 of width 2 as its own teacher, 20 epochs.

Paper: arXiv:2006.12000. The target of an image mixes its label with the student's own
probabilities of the epoch before. Their share grows by epoch to 0.8, the authors', and
that of the label falls to 0.2.

    python tools/train.py configs/mmpretrain/digits/pskd_r18-w2_20e_digits.py

Published: none, the data set is ours. Ours: benchmarks/results/alone_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(previous_epoch='memory'),
        distill=dict(
            pskd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.8),
                schedule=dict(warmup=20, steps=True),
            )
        ),
        student_loss_weight=dict(value=(1, 0.2), schedule=dict(warmup=20, steps=True)),
    )
]
