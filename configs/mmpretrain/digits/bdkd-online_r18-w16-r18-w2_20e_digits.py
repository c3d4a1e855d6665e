"""BD-KD, online: digits, ResNet-18 of width 16 -> 2, trained together, 20 epochs.

Paper: arXiv:2212.12965. The student learns by BDKDLoss from a wide network that starts
from random weights as well and learns the labels and, by KD, from the student. No code
was found; temperature, weights and the loss of the wide network are ours.

    python tools/train.py configs/mmpretrain/digits/bdkd-online_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/peers_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        peers=[dict(config='{{ fileDirname }}/resnet18-w16_digits.py', name='wide')],
        distill=dict(
            bdkd=dict(on='logits', loss=dict(type='BDKDLoss'), teacher='wide'),
            to_wide=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0),
                learner='wide',
            ),
        ),
    )
]
