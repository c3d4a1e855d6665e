"""KD of a distillation token by two teachers: digits, ResNet-18 of width 16 -> ViT of width 64, 20 epochs.

Papers: arXiv:2012.12877, the token; arXiv:2009.08453, the mean of probabilities, here
with three quarters for the first teacher (`teacher_weights`). The labels train the
classifier of the class token; each is half of the loss.

Train the teachers first, the second one with another seed:

    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py \
        --work-dir work_dirs/resnet18-w16_digits_seed1 --cfg-options randomness.seed=1
    python tools/train.py configs/mmpretrain/digits/kd-token_r18-w16-r18-w16-deit-w64_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_tokens_and_averages.md.
"""

_base_ = './deit-w64_digits.py'

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=[
            dict(
                config='{{ fileDirname }}/resnet18-w16_digits.py',
                checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
            ),
            dict(
                config='{{ fileDirname }}/resnet18-w16_digits.py',
                checkpoint='work_dirs/resnet18-w16_digits_seed1/epoch_20.pth',
            ),
        ],
        distill=dict(
            token=dict(
                on=dict(student='head.layers.head_dist', teacher='logits'),
                average='probabilities',
                teacher_weights=[3.0, 1.0],
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
            ),
        ),
        student_loss_weight=0.5,
    )
]
