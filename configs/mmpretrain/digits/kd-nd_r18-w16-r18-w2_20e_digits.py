"""ND beside KD (KD++): classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2305.17007; KD at weight 1 and temperature 4 with a warm-up, ND at weight
2, the authors' for ResNet-56 -> ResNet-20 on CIFAR-100. Their warm-up of 20 of 240
epochs is 2 of 20 here. The class means are summed up in training; with those of
tools/class_means.py, add class_means='means.pt' to the loss.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/kd-nd_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_features.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0),
                schedule=dict(warmup=2),
            ),
            nd=dict(
                on='embedding',
                loss=dict(
                    type='NDLoss',
                    num_classes=10,
                    student_channels=16,
                    loss_weight=2.0,
                ),
            ),
        ),
    )
]
