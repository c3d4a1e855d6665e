"""Ten students of one teacher on the digit images, 5 seeds: was their ranking right?

    python -m ckd_mm.datasets.digits
    python tools/chain.py configs/chains/digits_students.py --jobs 2
    python tools/rank_students.py configs/rank/digits_students.py \\
        --trained configs/chains/digits_students.py

Every student is distilled by KD with its settings for CIFAR-100 in
configs/mmpretrain/digits, and with one schedule: 55 runs. The students are those of
configs/rank/digits_students.py.

Ours: benchmarks/results/digits_students.md.
"""

_student = 'configs/mmpretrain/digits/resnet18-w2_digits.py'


def _resnet(depth, width):
    return dict(
        config=_student,
        cfg_options={
            'model.backbone.depth': depth,
            'model.backbone.base_channels': width,
            'model.backbone.stem_channels': width,
            'model.head.in_channels': 8 * width,
        },
        teacher='teacher',
        distill=dict(
            kd=dict(
                on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9)
            )
        ),
        student_loss_weight=0.1,
    )


metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]
baseline = 'r18-w2'

links = {
    'teacher': dict(config='configs/mmpretrain/digits/resnet18-w16_digits.py'),
    **{
        f'r{depth}-w{width}': _resnet(depth, width)
        for depth in (18, 34)
        for width in (1, 2, 4, 8, 16)
    },
}
