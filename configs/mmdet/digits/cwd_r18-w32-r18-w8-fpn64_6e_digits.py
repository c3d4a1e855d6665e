"""CWD on necks: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2011.13256; temperature 1 and weight 10 on five levels, as in mmrazor's
FPN configs. The student's neck has the teacher's 64 channels.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/cwd_r18-w32-r18-w8-fpn64_6e_digits.py

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
            cwd=dict(
                on='neck', loss=dict(type='CWDLoss', temperature=1.0, loss_weight=10.0)
            ),
        ),
    )
]
