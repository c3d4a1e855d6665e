"""Weights of samples: a classifier of digit images, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/weights_digits.py --jobs 2

KD as in kd_r18-w16-r18-w2_20e_digits.py, whose rows count alike or by one of the
weighers. All are divided by their mean, so that the size of the loss is that of KD. The
settings were written down before the first run.

Ours: benchmarks/results/weights_digits.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]


def _kd(**weigher):
    kd = dict(type='KDLoss', temperature=4.0, loss_weight=0.9)
    term = dict(on='logits', loss=kd)
    if weigher:
        term['sample_weight'] = dict(normalize=True, **weigher)
    return dict(distill=dict(kd=term), student_loss_weight=0.1)


methods = {
    'KD': _kd(),
    'sure teacher': _kd(type='ConfidenceGate', threshold=0.9),
    'right teacher': _kd(type='CorrectnessGate'),
    'focal': _kd(type='FocalWeight', gamma=2.0),
    'IPWD': _kd(type='IPWDWeight'),
}
