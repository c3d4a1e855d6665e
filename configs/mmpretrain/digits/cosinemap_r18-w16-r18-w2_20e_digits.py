"""Cosine map (DSI): classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2510.25257, there for detectors with DINOv3 as the teacher; on the last
stage, weight 1 is ours.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/cosinemap_r18-w16-r18-w2_20e_digits.py

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
            cosinemap=dict(
                on='module:backbone.layer4', loss=dict(type='CosineMapLoss')
            ),
        ),
    )
]
