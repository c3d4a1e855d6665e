"""CKD with ReviewKD: Faster R-CNN on digit scenes, ResNet-18 of width
32 -> 8, 6 epochs.

Papers: arXiv:2404.14109, arXiv:2104.09044. CKD's temperature 0.1 and weight 1 are ours,
ReviewKD's weight 1.2 the authors'.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/ckd-reviewkd_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours, over 3 seeds:
benchmarks/results/digit_scenes_reviewkd.md.
"""

_base_ = './ckd_r18-w32-r18-w8_6e_digits.py'

_base_.custom_hooks[0].distill.reviewkd = dict(
    on='neck',
    loss=dict(
        type='ReviewKDLoss',
        student_channels=[32] * 5,
        teacher_channels=[64] * 5,
        mid_channels=64,
        loss_weight=1.2,
    ),
)
