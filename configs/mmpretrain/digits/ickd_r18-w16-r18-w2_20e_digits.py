"""ICKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2202.03680; the last stage and weight 2.5, the authors' on CIFAR-100, where
they have KD as well.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ickd_r18-w16-r18-w2_20e_digits.py

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
            ickd=dict(
                on='module:backbone.layer4',
                loss=dict(type='ICKDLoss', loss_weight=2.5),
            ),
        ),
    )
]
