"""NST: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:1707.01219; weight 50 on the four stages, as on CIFAR-100 in the CRD and
mdistiller benchmarks.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/nst_r18-w16-r18-w2_20e_digits.py

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
            nst=dict(
                on=[
                    'module:backbone.layer1',
                    'module:backbone.layer2',
                    'module:backbone.layer3',
                    'module:backbone.layer4',
                ],
                loss=dict(type='NSTLoss', loss_weight=50.0),
            ),
        ),
    )
]
