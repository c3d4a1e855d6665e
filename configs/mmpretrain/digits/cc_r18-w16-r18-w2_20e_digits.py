"""CC: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:1904.01802; gamma 0.4. The weight of 100 is ours and not tuned.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/cc_r18-w16-r18-w2_20e_digits.py

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
            cc=dict(
                on='embedding', loss=dict(type='CCLoss', gamma=0.4, loss_weight=100.0)
            ),
        ),
    )
]
