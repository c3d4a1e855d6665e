"""DHO: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2505.07675, at the authors' temperature 2, weight 1 and mixture for
ImageNet, here on images with labels alone. The accuracy is that of both heads, mixed.
With most images unlabelled: dho-unlabelled_r18-w16-r18-w2_190e_digits-tenth.py.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/dho_r18-w16-r18-w2_20e_digits.py
    python tools/export_student.py \\
        configs/mmpretrain/digits/dho_r18-w16-r18-w2_20e_digits.py \\
        work_dirs/dho_r18-w16-r18-w2_20e_digits/epoch_20.pth exported

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
            dho=dict(
                on=dict(student='embedding', teacher='logits'),
                loss=dict(
                    type='DHOLoss',
                    temperature=2.0,
                    mixture=0.5,
                    mixture_temperature=0.5,
                ),
            ),
        ),
    )
]
