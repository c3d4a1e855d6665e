"""DeiT: classification of digits, ResNet-18 of width 16 -> ViT of width 64, 20 epochs.

Paper: arXiv:2012.12877. The labels train the classifier of the class token, and the
teacher's largest class that of the distillation token; each is half of the loss. At
inference the logits are the mean of both.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/hardkd-token_r18-w16-deit-w64_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_tokens_and_averages.md.
"""

_base_ = './deit-w64_digits.py'

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
                loss=dict(type='HardKDLoss', loss_weight=0.5),
            ),
        ),
        student_loss_weight=0.5,
    )
]
