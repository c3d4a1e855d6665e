"""SDD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2403.13512; scales 1 and 2, temperature 4, weights 0.9 and 0.1, the
authors' for SD-KD on CIFAR-100 where student and teacher are of one kind.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/sdd_r18-w16-r18-w2_20e_digits.py

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
            sdd=dict(
                on=dict(part='cam', bias=True),
                loss=dict(
                    type='SDDLoss', sizes=[1, 2], temperature=4.0, loss_weight=0.9
                ),
            ),
        ),
        student_loss_weight=0.1,
    )
]
