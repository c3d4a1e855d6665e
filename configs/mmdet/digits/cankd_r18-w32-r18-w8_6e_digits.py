"""CanKD: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2511.21503, on the levels P2 to P5 and with the authors' weight 5. The
student's neck is narrower than the teacher's: a 1 x 1 convolution, which the authors'
code does not have, brings it to the teacher's width.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/cankd_r18-w32-r18-w8_6e_digits.py

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
            cankd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(type='CanKDLoss', loss_weight=5.0),
            ),
        ),
    )
]
