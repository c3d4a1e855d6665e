"""CKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2404.14109; temperature 1 and weight 10, the authors' on ImageNet and for
the smallest pairs of CIFAR-100.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ckd_r18-w16-r18-w2_20e_digits.py

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
            ckd=dict(
                on='logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=10.0),
            )
        ),
    )
]
