"""All losses of logits on the digit images, 3 seeds: 42 runs of 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/digits_logits.py --jobs 2

Settings are those of the papers or of their code for CIFAR-100, none was tuned here;
what no paper gives says "ours". One schedule for all, that of the student alone.

Ours: not run yet.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2]

methods = {
    'CKD': 'configs/mmpretrain/digits/ckd_r18-w16-r18-w2_20e_digits.py',
    'KD': 'configs/mmpretrain/digits/kd_r18-w16-r18-w2_20e_digits.py',
    'DKD': 'configs/mmpretrain/digits/dkd_r18-w16-r18-w2_20e_digits.py',
    'DIST': 'configs/mmpretrain/digits/dist_r18-w16-r18-w2_20e_digits.py',
    # One view and no masks, unlike the paper; the weight is ours.
    'MLKD': dict(distill=dict(mlkd=dict(on='logits', loss=dict(type='MLKDLoss')))),
    'NKD': dict(
        distill=dict(
            nkd=dict(on='logits', loss=dict(type='NKDLoss', gamma=1.5, temperature=1.0))
        )
    ),
    # The authors take an epsilon from 1 to 1.5.
    'OFA': dict(
        distill=dict(ofa=dict(on='logits', loss=dict(type='OFALoss', epsilon=1.0)))
    ),
    # It contains the cross-entropy.
    'PLD': dict(
        distill=dict(pld=dict(on='logits', loss=dict(type='PLDLoss', temperature=1.0))),
        student_loss_weight=0.0,
    ),
    # Temperature and weight are ours: a definition, not a paper on distillation.
    'JS': dict(
        distill=dict(js=dict(on='logits', loss=dict(type='JSLoss', temperature=1.0)))
    ),
    # 0.001 times the 64 images of a step: the authors' code has a sum, not a mean. They
    # use it on language models.
    'SinKD': dict(
        distill=dict(
            sinkd=dict(
                on='logits',
                loss=dict(type='SinKDLoss', temperature=2.0, loss_weight=0.064),
            )
        )
    ),
    # KD's temperature; the emphasis and the weight are ours.
    'BD-KD': dict(
        distill=dict(
            bdkd=dict(
                on='logits',
                loss=dict(type='BDKDLoss', emphasis=2.0, temperature=4.0),
            )
        )
    ),
    # The command line of the authors' README: temperature 2, weight 9, for both.
    'KD, standardized': dict(
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(
                    type='KDLoss', standardize=True, temperature=2.0, loss_weight=9.0
                ),
            )
        ),
        student_loss_weight=0.1,
    ),
    'DKD, standardized': dict(
        distill=dict(
            dkd=dict(
                on='logits',
                loss=dict(
                    type='DKDLoss',
                    standardize=True,
                    alpha=1.0,
                    beta=8.0,
                    temperature=2.0,
                    loss_weight=9.0,
                ),
                schedule=dict(warmup=2),
            )
        )
    ),
}
