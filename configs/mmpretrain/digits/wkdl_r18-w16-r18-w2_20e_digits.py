"""WKD-L: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2412.08139; gamma 600 and temperature 8, the authors' on CIFAR-100 for
resnet32x4 -> resnet8x4, where gamma falls to 0 from epoch 150 of 240 on and distances
are of features. Here they are of the teacher's weights, as another option of theirs.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/wkdl_r18-w16-r18-w2_20e_digits.py

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
            wkdl=dict(
                on='logits',
                loss=dict(type='WKDLLoss', gamma=600.0, temperature=8.0),
            )
        ),
    )
]
