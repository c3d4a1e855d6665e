"""USKD: classification of digits, ResNet-18 of width 2 without a teacher, 20 epochs.

Paper: arXiv:2303.13005; alpha, beta and mu are the authors' for CIFAR-100, and the weak
head stands behind the third of four stages, as theirs.

    python tools/train.py configs/mmpretrain/digits/uskd_r18-w2_20e_digits.py

Published: none, the data set is ours. Ours: benchmarks/results/alone_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            uskd=dict(
                on=['logits', 'module:backbone.layer3'],
                loss=dict(type='USKDLoss', alpha=0.1, beta=0.1, mu=0.1),
            )
        ),
    )
]
