"""CIRKD: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2204.06986, for segmentation, its relations within a batch with weight 1
and temperature 0.1; here on the levels P4 and P5 of the necks.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/cirkd_r18-w32-r18-w8_6e_digits.py

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
            cirkd=dict(
                on=dict(part='neck', levels=[2, 3]),
                loss=dict(type='CIRKDLoss', temperature=0.1),
            ),
        ),
    )
]
