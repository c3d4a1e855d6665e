"""MaKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2501.13341, with the authors' weight 4. Their table has a row for each image,
which a multimodal language model has filled. Here it has a row for each class and was
filled by hand: is there a closed loop, are there two, a straight stroke, a horizontal
stroke, an end that points to the left, is the upper half wider than the lower one?

The teacher is not asked, but the loss takes its embedding, so the hook has one. Train it
first; then

    python tools/train.py configs/mmpretrain/digits/makd_r18-w16-r18-w2_20e_digits.py

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
            makd=dict(
                on='embedding',
                loss=dict(
                    type='MaKDLoss',
                    table=[
                        [1.0, 0.0, 0.0, 0.0, 0.0, 0.5],
                        [0.0, 0.0, 1.0, 0.3, 0.5, 0.5],
                        [0.2, 0.0, 0.3, 1.0, 0.7, 0.4],
                        [0.0, 0.0, 0.0, 0.2, 1.0, 0.4],
                        [0.6, 0.0, 1.0, 1.0, 0.2, 0.7],
                        [0.0, 0.0, 0.5, 1.0, 0.8, 0.5],
                        [1.0, 0.0, 0.1, 0.0, 0.0, 0.1],
                        [0.0, 0.0, 1.0, 1.0, 0.8, 1.0],
                        [1.0, 1.0, 0.0, 0.0, 0.0, 0.4],
                        [1.0, 0.0, 0.4, 0.0, 0.5, 0.9],
                    ],
                    by='class',
                    loss_weight=4.0,
                ),
            ),
        ),
    )
]
