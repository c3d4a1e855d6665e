"""MLKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: CVPR 2023, Multi-Level Logit Distillation; its five temperatures, one view
instead of two, weight 1, which is ours.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/mlkd_r18-w16-r18-w2_20e_digits.py

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
            mlkd=dict(
                on='logits', loss=dict(type='MLKDLoss', temperatures=[2, 3, 4, 5, 6])
            ),
        ),
    )
]
