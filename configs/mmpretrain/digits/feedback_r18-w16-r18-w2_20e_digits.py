"""A teacher with feedback: digits, ResNet-18 of width 16 -> 2, 20 epochs.

The teacher starts from its own training, goes on learning the labels at a tenth of the
learning rate, and learns from the student with a tenth of the weight. The student learns
as in kd_r18-w16-r18-w2_20e_digits.py. All settings of the teacher are ours.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/feedback_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/peers_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'ckd_mm.wide': dict(lr_mult=0.1)}))
custom_hooks = [
    dict(
        type='DistillationHook',
        peers=[
            dict(
                config='{{ fileDirname }}/resnet18-w16_digits.py',
                checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
                name='wide',
            )
        ],
        distill=dict(
            feedback=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9),
                teacher='wide',
            ),
            to_wide=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.09),
                learner='wide',
            ),
        ),
        student_loss_weight=0.1,
    )
]
