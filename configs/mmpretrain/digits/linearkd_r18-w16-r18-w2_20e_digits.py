"""Linear KD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2505.07675, its second head on the batch with labels, at the authors'
temperature 2 and weight 1. Their images without labels, and their mixture of both heads
at inference, are not in it.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/linearkd_r18-w16-r18-w2_20e_digits.py

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
            linearkd=dict(
                on=dict(student='embedding', teacher='logits'),
                loss=dict(type='LinearKDLoss', temperature=2.0),
            ),
        ),
    )
]
