"""PKD on necks: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2207.02039; weight 6 on P2 to P5, as its authors have it for Faster R-CNN.
The student's neck has the teacher's 64 channels.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/pkd_r18-w32-r18-w8-fpn64_6e_digits.py

Published: none, the data set is ours. Ours, after 3 epochs:
benchmarks/results/digit_scenes_maps.md.
"""

_base_ = './faster-rcnn_r18-w8-fpn64_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/faster-rcnn_r18-w32_digits.py',
            checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
        ),
        distill=dict(
            pkd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(type='PKDLoss', loss_weight=6.0),
            ),
        ),
    )
]
