"""FGFI: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6 epochs.

Paper: arXiv:1906.03609, on necks; threshold 0.5 and weight 0.01, the authors'. Their
first 400 steps are without the loss, which here would be most of the training.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/fgfi_r18-w32-r18-w8_6e_digits.py

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
            fgfi=dict(
                on='neck',
                loss=dict(
                    type='FGFILoss',
                    threshold=0.5,
                    loss_weight=0.01,
                ),
            ),
        ),
    )
]
