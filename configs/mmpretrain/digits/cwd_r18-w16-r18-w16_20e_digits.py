"""CWD: classification of digits, ResNet-18 of width 16 -> 16, 20 epochs.

Paper: arXiv:2011.13256, made for dense prediction; temperature 1 and weight 5, those of
mmrazor 0.x on the class maps of GFL, on the last stage. Student and teacher have one width, as this loss
needs it.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/cwd_r18-w16-r18-w16_20e_digits.py

Published: none, the data set is ours. Ours: not run yet.
"""

_base_ = './resnet18-w16_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            cwd=dict(
                on='module:backbone.layer4',
                loss=dict(type='CWDLoss', temperature=1.0, loss_weight=5.0),
            ),
        ),
    )
]
