"""WKD-F: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2412.08139; one cell, means at 4 and weight 0.08, the authors' on CIFAR-100
for resnet32x4 -> resnet8x4, where the weight falls to 0 from epoch 150 of 240 on.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/wkdf_r18-w16-r18-w2_20e_digits.py

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
            wkdf=dict(
                on='backbone',
                loss=dict(type='WKDFLoss', grid=1, mean_weight=4.0, loss_weight=0.08),
            )
        ),
    )
]
