"""A student without another model on the digit images: 5 seeds, 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/compare.py configs/compare/alone_digits.py --jobs 2

- USKD: soft labels of the student itself;
- PS-KD: its own outputs of the epoch before, of a memory, and of a copy from the start of
  the epoch, which begins with the second epoch;
- deeper layers: classifiers behind three stages learn the logits of the last layer.

The settings are those of the configs, which say where they come from; none was tuned
here. One schedule for all, that of the student alone. Nothing but the data is needed.

Ours, 9 minutes on one core: benchmarks/results/alone_digits.md.
"""

base = 'configs/mmpretrain/digits/resnet18-w2_digits.py'
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

_rising = dict(begin=1, warmup=19, steps=True)

methods = {
    'USKD': 'configs/mmpretrain/digits/uskd_r18-w2_20e_digits.py',
    'PS-KD': 'configs/mmpretrain/digits/pskd_r18-w2_20e_digits.py',
    'PS-KD, snapshot': dict(
        teacher=dict(previous_epoch='snapshot'),
        distill=dict(
            pskd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.8),
                schedule=_rising,
            )
        ),
        student_loss_weight=dict(value=(1, 0.2), schedule=_rising),
    ),
    'deeper layers': 'configs/mmpretrain/digits/'
    'itself-stage1-stage2-stage3_r18-w2_20e_digits.py',
}
