"""Teachers of the digit images, ordered by their outputs on the validation images.

    python -m ckd_mm.datasets.digits
    python tools/chain.py configs/chains/digits_teachers.py --jobs 2
    python tools/rank_teachers.py configs/rank/digits_teachers.py \\
        --trained configs/chains/digits_teachers.py

The last command takes their weights from the chain, whose links have their names, and
says how far the order is right. The student has weights as well for the column
`agreement`: train it alone by

    python tools/train.py configs/mmpretrain/digits/resnet18-w2_digits.py
"""

_model = 'configs/mmpretrain/digits/resnet18-w2_digits.py'


def _resnet(depth, width):
    return dict(
        config=_model,
        cfg_options={
            'model.backbone.depth': depth,
            'model.backbone.base_channels': width,
            'model.backbone.stem_channels': width,
            'model.head.in_channels': 8 * width,
        },
    )


teachers = {
    'r18-w4': _resnet(18, 4),
    'r18-w8': _resnet(18, 8),
    'r18-w16': _resnet(18, 16),
    'r18-w32': _resnet(18, 32),
    'r34-w16': _resnet(34, 16),
    'r18-w16, 5 epochs': _resnet(18, 16),
    'r18-w16, smoothed': _resnet(18, 16),
}
student = dict(config=_model, checkpoint='work_dirs/resnet18-w2_digits/epoch_20.pth')
