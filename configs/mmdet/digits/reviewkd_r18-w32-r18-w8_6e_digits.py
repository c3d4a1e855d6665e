"""ReviewKD on the FPN levels: Faster R-CNN on digit scenes, ResNet-18 of width
32 -> 8, 6 epochs.

Paper: arXiv:2104.09044. The authors' weight for Faster R-CNN with ResNet-18, 1.2; the
middle width is the teacher's FPN's, as theirs.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/reviewkd_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours, over 3 seeds:
benchmarks/results/digit_scenes_reviewkd.md.
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
            reviewkd=dict(
                on='neck',
                loss=dict(
                    type='ReviewKDLoss',
                    mid_channels=64,
                    loss_weight=1.2,
                ),
            )
        ),
    )
]
