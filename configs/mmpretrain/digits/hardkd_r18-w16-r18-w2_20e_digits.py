"""Hard KD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2012.12877, its hard labels; half of the loss is the student's own, as in
the paper. The student has no distillation token.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/hardkd_r18-w16-r18-w2_20e_digits.py

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
            hardkd=dict(on='logits', loss=dict(type='HardKDLoss', loss_weight=0.5)),
        ),
        student_loss_weight=0.5,
    )
]
