"""DML: classification of digits, two ResNet-18 of width 2, 20 epochs.

As dml_r18-w16-r18-w2_20e_digits.py, with a peer that is like the student. Its first
weights are others.

    python tools/train.py configs/mmpretrain/digits/dml_r18-w2-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/peers_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        peers=[dict(config='{{ fileDirname }}/resnet18-w2_digits.py')],
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
