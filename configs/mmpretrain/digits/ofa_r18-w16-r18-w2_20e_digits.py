"""OFA: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2310.19444, its loss of logits; epsilon 1.5, the strongest of the paper,
because at 1 the labels cancel out.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ofa_r18-w16-r18-w2_20e_digits.py

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
            ofa=dict(on='logits', loss=dict(type='OFALoss', epsilon=1.5)),
        ),
    )
]
