"""Fixed weights and shares of the gradient: a RetinaNet on the digit scenes, 5 seeds.

    python -m ckd_mm.datasets.digits
    python benchmarks/digits_timm_teacher.py
    python tools/compare.py configs/compare/gradient_share_retinanet.py --jobs 2

How much does the result depend on the choice? The weights go from the default of
FitNetLoss, 1, to the one published for CIFAR-100, 100; the shares are those around 0.03,
of the schedule's example. All were written down before the first run. The second
student is in gradient_share_resnet.py.

Ours: benchmarks/results/gradient_share_retinanet.md.
"""

base = 'configs/mmdet/digits/retinanet_r18-w8_digits.py'
teacher = dict(
    type='timm',
    model='convnext_atto',
    args=dict(
        depths=(1, 1, 2, 1),
        dims=(16, 32, 64, 128),
        ls_init_value=1.0,
        num_classes=10,
    ),
    checkpoint='work_dirs/digits_timm/convnext.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50']
seeds = [0, 1, 2, 3, 4]

_on = [
    dict(student='backbone:1', teacher='stages:1'),
    dict(student='backbone:2', teacher='stages:2'),
]


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
