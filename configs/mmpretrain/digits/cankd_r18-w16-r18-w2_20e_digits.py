"""CanKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2511.21503, made for the necks of detectors; here the last two stages, with
the weight 5 that the authors have on four levels.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/cankd_r18-w16-r18-w2_20e_digits.py

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
            cankd=dict(
                on=['module:backbone.layer3', 'module:backbone.layer4'],
                loss=dict(type='CanKDLoss', loss_weight=5.0),
            ),
        ),
    )
]
