"""Teacher assistants (TAKD) on the digit images: width 16 -> 8 -> 4 -> 2, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/chain.py configs/chains/digits_teacher_assistants.py --jobs 2

Paper: arXiv:1902.03393. The smallest student learns from the teacher at once, after one
assistant, and after two. All learn by KD with its settings for CIFAR-100 in
configs/mmpretrain/digits, and with one schedule. A chain of one seed is trained as a
whole with that seed, its teacher included: 40 runs.

Ours: benchmarks/results/digits_teacher_assistants.md.
"""

_student = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
_kd = dict(
    distill=dict(
        kd=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9))
    ),
    student_loss_weight=0.1,
)


def _width(width):
    return {
        'model.backbone.base_channels': width,
        'model.backbone.stem_channels': width,
        'model.head.in_channels': 8 * width,
    }


metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]
baseline = 'w2, from w16'

links = {
    'w16': dict(config='configs/mmpretrain/digits/resnet18-w16_digits.py'),
    'w2 alone': dict(config=_student),
    'w2, from w16': dict(config=_student, teacher='w16', **_kd),
    'w4, from w16': dict(config=_student, cfg_options=_width(4), teacher='w16', **_kd),
    'w2, from w4': dict(config=_student, **_kd),
    'w8, from w16': dict(config=_student, cfg_options=_width(8), teacher='w16', **_kd),
    'w4, from w8': dict(config=_student, cfg_options=_width(4), **_kd),
    'w2, from w4 of w8': dict(config=_student, **_kd),
}
