"""IRG: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: CVPR 2019, without an arXiv number. The last two stages and the embedding, and
weights 5 and 5, are those of AberHu/Knowledge-Distillation-Zoo for CIFAR. Its squared
error of the logits at weight 0.1 is not here.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/irg_r18-w16-r18-w2_20e_digits.py

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
            irg=dict(
                on=['module:backbone.layer3', 'module:backbone.layer4', 'embedding'],
                loss=dict(type='IRGLoss'),
            ),
        ),
    )
]
