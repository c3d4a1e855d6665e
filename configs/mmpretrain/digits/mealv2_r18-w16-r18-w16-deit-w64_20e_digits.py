"""MEAL V2: classification of digits, two ResNet-18 of width 16 -> ViT of width 64, 20 epochs.

Paper: arXiv:2009.08453. The target is the mean of both teachers' probabilities at
temperature 1; no label is read. The paper has a discriminator as well, and starts from
trained weights of the student.

Train the teachers first, the second one with another seed:

    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py \
        --work-dir work_dirs/resnet18-w16_digits_seed1 --cfg-options randomness.seed=1
    python tools/train.py configs/mmpretrain/digits/mealv2_r18-w16-r18-w16-deit-w64_20e_digits.py

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
            mealv2=dict(
                on='logits',
                average='probabilities',
                loss=dict(type='KDLoss', temperature=1.0),
            ),
        ),
        student_loss_weight=0.0,
    )
]
