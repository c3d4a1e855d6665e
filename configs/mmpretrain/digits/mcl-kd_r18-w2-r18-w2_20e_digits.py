"""MCL: classification of digits, two ResNet-18 of width 2, 20 epochs.

Paper: arXiv:2104.12565; temperatures 0.1 and 3, weights 0.1, 0.1, 1 and 1, the authors'
on CIFAR-100, where they add KD between the networks at temperature 3. The peer is like
the student. Its first weights are others.

    python tools/train.py configs/mmpretrain/digits/mcl-kd_r18-w2-r18-w2_20e_digits.py

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
            mcl=dict(
                on='embedding',
                loss=dict(
                    type='MCLLoss',
                    temperature=0.1,
                    soft_temperature=3.0,
                    vcl_weight=0.1,
                    icl_weight=0.1,
                    soft_vcl_weight=1.0,
                    soft_icl_weight=1.0,
                ),
                learner='both',
                teacher='peer0',
            ),
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=3.0),
                teacher='peer0',
            ),
            to_peer=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=3.0),
                learner='peer0',
            ),
        ),
    )
]
