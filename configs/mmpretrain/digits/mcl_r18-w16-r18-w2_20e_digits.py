"""MCL: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2104.12565; temperatures 0.1 and 3, weights 0.1, 0.1, 1 and 1, the authors'
on CIFAR-100. There the networks are trained together; here the teacher is frozen.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/mcl_r18-w16-r18-w2_20e_digits.py

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
            ),
        ),
    )
]
