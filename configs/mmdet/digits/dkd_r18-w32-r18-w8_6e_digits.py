"""DKD on RoI logits: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6
epochs.

Paper: arXiv:2203.08679; the paper's setting on RoIs.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/dkd_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours, over 3 seeds:
benchmarks/results/digit_scenes_logits.md.
"""

_base_ = './faster-rcnn_r18-w8_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/faster-rcnn_r18-w32_digits.py',
            checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
        ),
        distill=dict(
            dkd=dict(
                on='roi_logits',
                loss=dict(type='DKDLoss', alpha=1.0, beta=0.25, temperature=1.0),
            )
        ),
    )
]
