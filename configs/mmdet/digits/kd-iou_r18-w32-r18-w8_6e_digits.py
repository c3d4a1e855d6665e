"""KD, RoIs by IoU and class: Faster R-CNN on digit scenes, ResNet-18 32 -> 8, 6 epochs.

No paper: RoIs count by their IoU with the ground truth, and those of two classes that
look alike count twice. Otherwise as kd_r18-w32-r18-w8_6e_digits.py.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/kd-iou_r18-w32-r18-w8_6e_digits.py

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
            kd=dict(
                on='roi_logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
                sample_weight=[
                    dict(type='IoUWeight', minimum=0.1, normalize=True),
                    dict(type='ClassWeight', weights={'3': 2.0, '8': 2.0}),
                ],
            )
        ),
    )
]
