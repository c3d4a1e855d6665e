"""All losses of logits on the digit images: 5 seeds, 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/digits_logits.py --jobs 2

The settings are those of the configs, which say where they come from; none was tuned
here. One schedule for all, that of the student alone.

Ours, 43 minutes beside other work on 2 cores: benchmarks/results/digits_logits.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

methods = {
    'CKD': 'configs/mmpretrain/digits/ckd_r18-w16-r18-w2_20e_digits.py',
    'KD': 'configs/mmpretrain/digits/kd_r18-w16-r18-w2_20e_digits.py',
    'Hard KD': 'configs/mmpretrain/digits/hardkd_r18-w16-r18-w2_20e_digits.py',
    'DKD': 'configs/mmpretrain/digits/dkd_r18-w16-r18-w2_20e_digits.py',
    'DIST': 'configs/mmpretrain/digits/dist_r18-w16-r18-w2_20e_digits.py',
    'MLKD': 'configs/mmpretrain/digits/mlkd_r18-w16-r18-w2_20e_digits.py',
    'NKD': 'configs/mmpretrain/digits/nkd_r18-w16-r18-w2_20e_digits.py',
    'OFA': 'configs/mmpretrain/digits/ofa_r18-w16-r18-w2_20e_digits.py',
    'PLD': 'configs/mmpretrain/digits/pld_r18-w16-r18-w2_20e_digits.py',
    'NormKD': 'configs/mmpretrain/digits/normkd_r18-w16-r18-w2_20e_digits.py',
    'TTM': dict(
        distill=dict(
            ttm=dict(
                on='logits',
                loss=dict(type='TTMLoss', gamma=0.1, weighted=False, loss_weight=45.0),
            )
        )
    ),
    'WTTM': 'configs/mmpretrain/digits/ttm_r18-w16-r18-w2_20e_digits.py',
    'RLD': 'configs/mmpretrain/digits/rld_r18-w16-r18-w2_20e_digits.py',
    'WKD-L': 'configs/mmpretrain/digits/wkdl_r18-w16-r18-w2_20e_digits.py',
    'JS': 'configs/mmpretrain/digits/js_r18-w16-r18-w2_20e_digits.py',
    'SinKD': 'configs/mmpretrain/digits/sinkd_r18-w16-r18-w2_20e_digits.py',
    'BD-KD': 'configs/mmpretrain/digits/bdkd_r18-w16-r18-w2_20e_digits.py',
    'CTKD': 'configs/mmpretrain/digits/ctkd_r18-w16-r18-w2_20e_digits.py',
    'TAID': 'configs/mmpretrain/digits/taid_r18-w16-r18-w2_20e_digits.py',
    # arXiv:2403.01427. The README of its code has temperature 2 and weight 9 for both.
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
