"""TAID: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2501.16937, for language models; the authors' share of 0.4 in the beginning,
rate and momentum. Weight 1, and weight 1 of the student's own loss, are ours.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/taid_r18-w16-r18-w2_20e_digits.py

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
            taid=dict(on='logits', loss=dict(type='TAIDLoss')),
        ),
    )
]
