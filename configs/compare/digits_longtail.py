"""DeiT-LT's weights of classes on long-tailed digit images: 5 seeds, 48 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/digits_longtail.py --jobs 2

475 training images, 116 of the digit 0 and 12 of the digit 9; the validation has all
digits alike. Both methods train the classifier of a distillation token by hard labels.
The teacher is that of all images, as one that was trained elsewhere. One schedule for
all, that of the student alone. The settings were written down before the first run.

Ours: benchmarks/results/digits_longtail.md.
"""

_folder = 'configs/mmpretrain/digits/'

base = _folder + 'deit-w64_digits-longtail.py'
teacher = dict(
    config=_folder + 'resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

methods = {
    'hard labels': dict(
        distill=dict(
            token=dict(
                on=dict(student='head.layers.head_dist', teacher='logits'),
                loss=dict(type='HardKDLoss', loss_weight=0.5),
            )
        ),
        student_loss_weight=0.5,
    ),
    'hard labels, weights of classes': (
        _folder + 'deitlt-token_r18-w16-deit-w64_48e_digits-longtail.py'
    ),
}
