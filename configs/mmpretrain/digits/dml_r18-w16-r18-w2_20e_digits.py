"""DML: classification of digits, ResNet-18 of width 2 and one of width 16, 20 epochs.

Paper: arXiv:1706.00384. Both start from random weights, and each learns the labels and
the other's probabilities at temperature 1, with weight 1. Both are updated at once; the
authors' code updates one after the other, each on a batch of its own.

    python tools/train.py configs/mmpretrain/digits/dml_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/peers_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        peers=[dict(config='{{ fileDirname }}/resnet18-w16_digits.py')],
        distill=dict(
            dml=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0),
                teacher='peer0',
            ),
            to_peer=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0),
                learner='peer0',
            ),
        ),
    )
]
