"""ReviewKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2104.09044; the four stages and the pooled embedding. Weight 1 and a
fusion as wide as the student's embedding; the warm-up is that of CIFAR-100 in
proportion, a twelfth of the epochs.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/reviewkd_r18-w16-r18-w2_20e_digits.py

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
            reviewkd=dict(
                on=[
                    'module:backbone.layer1',
                    'module:backbone.layer2',
                    'module:backbone.layer3',
                    'module:backbone.layer4',
                    'embedding',
                ],
                loss=dict(
                    type='ReviewKDLoss',
                    mid_channels=16,
                    loss_weight=1.0,
                ),
                schedule=dict(warmup=2),
            ),
        ),
    )
]
