"""SimKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2203.14001, whose only loss it is: the student's own does not count. The
accuracy is that of the student with the projector and the teacher's classifier.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/simkd_r18-w16-r18-w2_20e_digits.py
    python tools/export_student.py \\
        configs/mmpretrain/digits/simkd_r18-w16-r18-w2_20e_digits.py \\
        work_dirs/simkd_r18-w16-r18-w2_20e_digits/epoch_20.pth exported

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
            simkd=dict(
                on='module:backbone:-1',
                loss=dict(type='SimKDLoss'),
            ),
        ),
        student_loss_weight=0.0,
    )
]
