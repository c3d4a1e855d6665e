"""CKD with ReviewKD: Faster R-CNN on digit scenes, ResNet-18 of width
32 -> 8, 6 epochs.

Papers: arXiv:2404.14109, arXiv:2104.09044. CKD's temperature 0.1 and weight 1 are ours,
ReviewKD's weight 1.2 the authors'.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/ckd-reviewkd_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours: not run yet.
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
            ckd=dict(
                on='roi_logits',
                loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
            ),
            reviewkd=dict(
                on='neck',
                loss=dict(
                    type='ReviewKDLoss',
                    mid_channels=64,
                    loss_weight=1.2,
                ),
            ),
        ),
    )
]
