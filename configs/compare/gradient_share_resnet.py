"""Fixed weights and shares of the gradient: a classifier of digit images, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/gradient_share_resnet.py --jobs 2

The same weights and shares as in gradient_share_retinanet.py, for the second student.

Ours: benchmarks/results/gradient_share_resnet.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
teacher = dict(
    config='configs/mmpretrain/digits/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

_on = 'module:backbone.layer2'


def _weight(weight):
    loss = dict(type='FitNetLoss', loss_weight=weight)
    return dict(distill=dict(fitnet=dict(on=_on, loss=loss)))


def _share(share):
    term = dict(
        on=_on,
        loss=dict(type='FitNetLoss'),
        schedule=dict(type='GradientShare', share=share, of='backbone', interval=10),
    )
    return dict(distill=dict(fitnet=term))


_weights = {f'weight {weight:g}': _weight(weight) for weight in (1.0, 10.0, 100.0)}
_shares = {f'share {share:g}': _share(share) for share in (0.01, 0.03, 0.1)}
methods = {**_weights, **_shares}
groups = {'weights': list(_weights), 'shares': list(_shares)}
