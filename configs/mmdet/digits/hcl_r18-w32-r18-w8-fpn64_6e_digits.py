"""HCL on necks: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

The loss of arXiv:2104.09044 without its fusion; weight 1 is ours. The student's neck
has the teacher's 64 channels.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/hcl_r18-w32-r18-w8-fpn64_6e_digits.py

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
            hcl=dict(on='neck', loss=dict(type='HCLLoss')),
        ),
    )
]
