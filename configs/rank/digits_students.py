"""Students of the digit images, ordered before training beside the teacher of width 16.

    python -m ckd_mm.datasets.digits
    python tools/rank_students.py configs/rank/digits_students.py

How far the order is right, after `configs/chains/digits_students.py` was trained:

    python tools/rank_students.py configs/rank/digits_students.py \\
        --trained configs/chains/digits_students.py

The students have the names of the links of that chain.
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
    )


teacher = dict(config='configs/mmpretrain/digits/resnet18-w16_digits.py')
students = {
    f'r{depth}-w{width}': _resnet(depth, width)
    for depth in (18, 34)
    for width in (1, 2, 4, 8, 16)
}
