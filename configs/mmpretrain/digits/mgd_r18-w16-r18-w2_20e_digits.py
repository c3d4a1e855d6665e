"""MGD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2205.01529; the last stage, 15 % of the channels masked and weight 7e-5,
the authors' on ImageNet.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/mgd_r18-w16-r18-w2_20e_digits.py

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
            mgd=dict(
                on='module:backbone.layer4',
                loss=dict(
                    type='MGDLoss',
                    mask_ratio=0.15,
                    masked='channels',
                    loss_weight=7e-5,
                ),
            ),
        ),
    )
]
