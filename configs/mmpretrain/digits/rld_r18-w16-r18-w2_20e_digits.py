"""RLD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2408.07703; alpha 1, beta 8, temperature 4 and 1 for the confidence, the
authors' on CIFAR-100. Their warm-up over 20 of 240 epochs is 2 of 20 here.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/rld_r18-w16-r18-w2_20e_digits.py

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
            rld=dict(
                on='logits',
                loss=dict(type='RLDLoss', alpha=1.0, beta=8.0, temperature=4.0),
                schedule=dict(warmup=2),
            )
        ),
    )
]
