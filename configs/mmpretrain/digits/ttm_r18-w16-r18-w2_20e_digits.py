"""WTTM: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2402.11148; gamma 0.2 and weight 4, the authors' on CIFAR-100 for vgg13 ->
vgg8, where CRD is beside it.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ttm_r18-w16-r18-w2_20e_digits.py

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
            ttm=dict(
                on='logits',
                loss=dict(type='TTMLoss', gamma=0.2, loss_weight=4.0),
            )
        ),
    )
]
