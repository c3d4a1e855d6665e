"""ICKD: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2202.03680, made for classification, with its weight on CIFAR-100; here on
the levels P2 to P5 of the necks.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/ickd_r18-w32-r18-w8_6e_digits.py

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
            ickd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(type='ICKDLoss', loss_weight=2.5),
            ),
        ),
    )
]
