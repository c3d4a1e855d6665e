"""TaT: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2205.10793; on the last stage, the authors' weight of 0.2 on ImageNet. The
student's own loss has weight 1, which is ours: the authors have 0.1, and start from
trained weights of the student.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/tat_r18-w16-r18-w2_20e_digits.py

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
            tat=dict(
                on='module:backbone.layer4',
                loss=dict(type='TaTLoss', loss_weight=0.2),
            ),
        ),
    )
]
