"""FGD: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:2111.11837, on P2 to P5 with the authors' weights for two-stage detectors.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/fgd_r18-w32-r18-w8_6e_digits.py

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
            fgd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(
                    type='FGDLoss',
                    foreground_weight=5e-5,
                    background_weight=2.5e-5,
                    attention_weight=5e-5,
                    relation_weight=5e-7,
                ),
            ),
        ),
    )
]
