"""CTKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2211.16231; temperatures from 1 to 21, weight 0.9 and 0.1 for the student's
own loss, the authors' on CIFAR-100. Their ramp of 10 epochs is 4 % of their training;
here 1 of 20 epochs.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ctkd_r18-w16-r18-w2_20e_digits.py

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
            ctkd=dict(
                on='logits',
                loss=dict(type='CTKDLoss', ramp_epochs=1.0, loss_weight=0.9),
            ),
        ),
        student_loss_weight=0.1,
    )
]
