"""CrossKD: GFL on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2306.11369, weights 1 and 4 as for GFL on COCO.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/crosskd-edges_gfl-r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours: not run yet.
"""

_base_ = './gfl_r18-w8_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/gfl_r18-w32_digits.py',
            checkpoint='work_dirs/gfl_r18-w32_digits/epoch_6.pth',
        ),
        distill=dict(
            crosskd=dict(
                on='cross_logits',
                loss=dict(type='QualityFocalKDLoss'),
            ),
            edges=dict(
                on='cross_distribution',
                loss=dict(type='DistributionKDLoss', loss_weight=4.0),
            ),
        ),
    )
]
