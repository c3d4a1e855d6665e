"""NormKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2308.00520; temperature 2 times the standard deviation of each row, weight
0.9 beside the student's own loss at 0.1, the authors' on CIFAR-100.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/normkd_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_logits.md.
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
            normkd=dict(
                on='logits',
                loss=dict(
                    type='KDLoss',
                    standardize=True,
                    restore_scale=True,
                    temperature=2.0,
                    loss_weight=0.9,
                ),
            )
        ),
        student_loss_weight=0.1,
    )
]
