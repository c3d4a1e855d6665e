"""SinKD: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2402.17110; temperature 2, epsilon 0.1, 20 rounds, the authors' weight
0.001 per row times the 64 rows of a batch. The student's own loss is what tells the
rows apart.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/sinkd_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_logits.md.
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
            sinkd=dict(
                on='logits',
                loss=dict(
                    type='SinKDLoss',
                    temperature=2.0,
                    epsilon=0.1,
                    num_iterations=20,
                    loss_weight=0.064,
                ),
            ),
        ),
    )
]
