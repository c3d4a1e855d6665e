"""KD with IPWD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2210.12787, whose authors have published no code; temperature 4, weight 0.9
and 0.1 for the student's own loss, as in kd_r18-w16-r18-w2_20e_digits.py.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/kd-ipwd_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/weights_digits.md.
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
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9),
                sample_weight=dict(type='IPWDWeight'),
            )
        ),
        student_loss_weight=0.1,
    )
]
