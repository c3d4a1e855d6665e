"""CKD with box deltas: Faster R-CNN on digit scenes, ResNet-18 of width 32 -> 8, 6
epochs.

CKD on the RoIs' logits with the weight and temperature of ckd_r18-w32-r18-w8_6e_digits.py,
and the teacher's boxes of the same RoIs with weight 1. Both settings are ours.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/ckd-boxregression_r18-w32-r18-w8_6e_digits.py

Published: none, the data set is ours. Ours, over 3 seeds:
benchmarks/results/digit_scenes_rows.md.
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
            boxregression=dict(
                on='roi_boxes',
                loss=dict(type='BoxRegressionLoss', beta=1.0, loss_weight=1.0),
            ),
        ),
    )
]
