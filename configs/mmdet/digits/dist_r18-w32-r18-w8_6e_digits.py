"""DIST on RoI logits: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6
epochs.

Paper: arXiv:2205.10536; weights 1 and temperature 1 as in detection.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/dist_r18-w32-r18-w8_6e_digits.py

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
            dist=dict(
                on='roi_logits',
                loss=dict(type='DISTLoss', beta=1.0, gamma=1.0, temperature=1.0),
            )
        ),
    )
]
