"""OFD: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:1904.01866, for classifiers; here on necks, whose outputs have not gone
through a ReLU. The weight of 1e-4 is that of ImageNet, not tuned.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/ofd_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours, after 3 epochs:
benchmarks/results/digit_scenes_maps.md.
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
            ofd=dict(
                on='neck',
                loss=dict(
                    type='OFDLoss',
                    loss_weight=1e-4,
                ),
            ),
        ),
    )
]
