"""KD with unlabelled images: digit scenes with a tenth of the labels, Faster R-CNN with
ResNet-18 of width 32 -> 8, 60 epochs.

Paper: arXiv:1503.02531; temperature 1 on RoIs. That the teacher's 64 best proposals are
compared, on both batches, is ours: no label has chosen them.

The 720 scenes beside the labelled ones are read without their labels, 8 in each
iteration. The teacher is that of all labels.

Train the teacher first; then

    python tools/train.py configs/mmdet/digits/kd-unlabelled_r18-w32-r18-w8_60e_digits-tenth.py

Published: none, the data set is ours. Ours, 30 epochs:
benchmarks/results/unlabelled_scenes.md.
"""

_base_ = './faster-rcnn_r18-w8_digits-tenth.py'

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
                data='both',
                on=dict(part='roi_logits', rois='teacher', num_rois=64),
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
            )
        ),
        unlabelled=dict(
            dataloader=dict(
                batch_size=8,
                num_workers=0,
                dataset=dict(
                    type='ImageFolderDataset',
                    data_root='data/digits/detection/',
                    data_prefix=dict(img='train/'),
                    indices=list(range(80, 800)),
                    pipeline=[
                        dict(type='LoadImageFromFile'),
                        dict(type='Resize', scale=(160, 160), keep_ratio=True),
                        dict(type='PackDetInputs'),
                    ],
                ),
            ),
        ),
    )
]
