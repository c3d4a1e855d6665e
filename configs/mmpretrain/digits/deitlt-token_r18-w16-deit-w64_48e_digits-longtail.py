"""DeiT-LT: long-tailed digits, ResNet-18 of width 16 -> ViT of width 64, 48 epochs.

Paper: arXiv:2404.02900. As DeiT's hard distillation by a token, with weights of the
classes by their numbers of images in the last 4 of 48 epochs, as in the last 100 of 1200
epochs of the paper. The teacher saw all images, as one that was trained elsewhere; that
of the paper has the long tail as well.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/deitlt-token_r18-w16-deit-w64_48e_digits-longtail.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_longtail.md.
"""

_base_ = './deit-w64_digits-longtail.py'

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            token=dict(
                on=dict(student='head.layers.head_dist', teacher='logits'),
                loss=dict(
                    type='HardKDLoss',
                    class_counts=[116, 90, 70, 54, 42, 32, 25, 19, 15, 12],
                    beta=0.9999,
                    reweight_from=44,
                    loss_weight=0.5,
                ),
            ),
        ),
        student_loss_weight=0.5,
    )
]
