"""NKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2303.13005; gamma 1.5, temperature 1, the authors' on ImageNet.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/nkd_r18-w16-r18-w2_20e_digits.py

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
            nkd=dict(
                on='logits', loss=dict(type='NKDLoss', gamma=1.5, temperature=1.0)
            ),
        ),
    )
]
