"""Pairwise: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:1903.04197, for segmentation, with its weight 1 and its 2 x 2 cells; on the
third stage, of 4 x 4 positions.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/pairwise_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_features.md.
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
            pairwise=dict(on='module:backbone.layer3', loss=dict(type='PairwiseLoss')),
        ),
    )
]
