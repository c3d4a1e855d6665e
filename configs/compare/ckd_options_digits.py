"""CKD as published and with options of other contrastive losses: digit images, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/ckd_options_digits.py --jobs 2

One thing at a time is changed in the CKD of the config, whose temperature and weight
stay. The settings were written down before the first run. RoIs are in
ckd_options_scenes.py.

Ours: benchmarks/results/ckd_options_digits.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

_ckd = 'configs/mmpretrain/digits/ckd_r18-w16-r18-w2_20e_digits.py'


def _with(**options):
    loss = dict(type='CKDLoss', temperature=1.0, loss_weight=10.0, **options)
    return dict(distill=dict(ckd=dict(on='logits', loss=loss)))


methods = {
    'CKD': _ckd,
    'match not in the denominator': _with(positive_in_denominator=False),
    'positives of the class': _with(positives='class'),
    'both': _with(positives='class', positive_in_denominator=False),
    'no negatives of the class': _with(same_class_negatives=False),
    'centered over the batch': _with(center='batch'),
    'centered over the classes': _with(center='classes'),
}
