"""One student of seven teachers on the digit images, 5 seeds: was their ranking right?

    python -m ckd_mm.datasets.digits
    python tools/chain.py configs/chains/digits_teachers.py --jobs 2
    python tools/rank_teachers.py configs/rank/digits_teachers.py \\
        --trained configs/chains/digits_teachers.py

The student of width 2 is distilled by KD with its settings for CIFAR-100 in
configs/mmpretrain/digits, and with one schedule: 70 runs. The teachers are those of
configs/rank/digits_teachers.py: of other widths and depth, trained for a quarter of the
epochs, and trained with smoothed labels.

Ours: benchmarks/results/digits_teachers.md.
"""

_model = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
_teachers = {
    'r18-w4': dict(depth=18, width=4),
    'r18-w8': dict(depth=18, width=8),
    'r18-w16': dict(depth=18, width=16),
    'r18-w32': dict(depth=18, width=32),
    'r34-w16': dict(depth=34, width=16),
    'r18-w16, 5 epochs': dict(
        depth=18,
        width=16,
        more={'train_cfg.max_epochs': 5, 'param_scheduler.T_max': 5},
    ),
    'r18-w16, smoothed': dict(
        depth=18,
        width=16,
        more={
            'model.head.loss.type': 'LabelSmoothLoss',
            'model.head.loss.label_smooth_val': 0.1,
            'model.head.loss.mode': 'original',
        },
    ),
}


def _resnet(depth, width, more=()):
    return dict(
        config=_model,
        cfg_options={
            'model.backbone.depth': depth,
            'model.backbone.base_channels': width,
            'model.backbone.stem_channels': width,
            'model.head.in_channels': 8 * width,
            **dict(more),
        },
    )


def _pupil(teacher):
    return dict(
        config=_model,
        teacher=teacher,
        distill=dict(
            kd=dict(
                on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9)
            )
        ),
        student_loss_weight=0.1,
    )


metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]
baseline = 'w2 from r18-w16'

links = {
    **{name: _resnet(**one) for name, one in _teachers.items()},
    **{f'w2 from {name}': _pupil(name) for name in _teachers},
}
