"""CRD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:1910.10699; temperature 0.07, momentum 0.5, weight 0.8, the authors' on
CIFAR-100. Negatives are a third of the 1,201 images, as there 16,384 of 50,000.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/crd_r18-w16-r18-w2_20e_digits.py

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
            crd=dict(
                on='embedding',
                loss=dict(
                    type='CRDLoss',
                    num_samples=1201,
                    num_negatives=400,
                    loss_weight=0.8,
                ),
            ),
        ),
    )
]
