r"""Distillation tokens and averages of two teachers on the digit images: 5 seeds, 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teachers
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py \
        --work-dir work_dirs/resnet18-w16_digits_seed1 --cfg-options randomness.seed=1
    python tools/compare.py configs/compare/digits_tokens_and_averages.py --jobs 2

The student is a ViT with a distillation token. In the methods 'token' the labels train
the classifier of its class token and the teacher that of the distillation token, each
with half of the loss; they differ in the target alone. MEAL V2 trains the classifier of
the class token, without labels. Hard labels and KD hear the first teacher alone.

The settings are those of the papers: hard labels of DeiT, temperature 1 and no labels
of MEAL V2. They were written down before the first run. One schedule for all, that of
the student alone.

Ours: benchmarks/results/digits_tokens_and_averages.md.
"""

_folder = 'configs/mmpretrain/digits/'

base = _folder + 'deit-w64_digits.py'
teacher = [
    dict(
        config=_folder + 'resnet18-w16_digits.py',
        checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
    ),
    dict(
        config=_folder + 'resnet18-w16_digits.py',
        checkpoint='work_dirs/resnet18-w16_digits_seed1/epoch_20.pth',
    ),
]
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]


_on = dict(student='head.layers.head_dist', teacher='logits')
_hard = dict(on=_on, loss=dict(type='HardKDLoss', loss_weight=0.5))
_kd = dict(on=_on, loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5))


def _token(term, **options):
    return dict(distill=dict(token=term), student_loss_weight=0.5, **options)


methods = {
    'token, hard labels': _token(_hard, teacher=teacher[0]),
    'token, KD': _token(_kd, teacher=teacher[0]),
    'token, mean of logits': _token(_kd),
    'token, mean of probabilities': _token(dict(_kd, average='probabilities')),
    'token, 3 : 1': _folder + 'kd-token_r18-w16-r18-w16-deit-w64_20e_digits.py',
    'MEAL V2': _folder + 'mealv2_r18-w16-r18-w16-deit-w64_20e_digits.py',
}
