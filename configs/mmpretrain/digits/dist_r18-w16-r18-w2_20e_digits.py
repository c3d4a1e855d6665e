"""DIST: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2205.10536; beta 2, gamma 2, temperature 4, as on CIFAR-100.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/dist_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_logits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            dist=dict(
                on='logits',
                loss=dict(type='DISTLoss', beta=2.0, gamma=2.0, temperature=4.0),
            )
        ),
    )
]
