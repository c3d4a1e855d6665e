"""GLD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: ICCV 2021, without an arXiv number; 2 x 2 tiles, the weights and 0.3 for the
student's own loss, the authors' for ResNet-110 -> ResNet-20 on CIFAR-100.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/gld_r18-w16-r18-w2_20e_digits.py

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
            gld=dict(
                on=dict(part='cam', bias=True),
                loss=dict(type='GLDLoss'),
            ),
        ),
        student_loss_weight=0.3,
    )
]
