"""CAT-KD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2304.12777. The maps have 2 x 2 positions here; the setting is that of the
authors for VGG-13 -> MobileNetV2 on CIFAR-100, whose student has as many.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/catkd_r18-w16-r18-w2_20e_digits.py

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
            catkd=dict(
                on='cam',
                loss=dict(type='CATKDLoss', size=2, normalize=True, loss_weight=15.0),
            ),
        ),
    )
]
