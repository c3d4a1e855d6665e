"""Models that are trained along, on the digit images: 5 seeds, 20 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/peers_digits.py --jobs 2

- KD: from a frozen teacher of width 16, trained before;
- DML: a peer like the student, or one of width 16, both from random weights;
- MCL: a peer like the student, contrast of embeddings and KD in both directions;
- BD-KD, online: a peer of width 16 from random weights, which also learns by KD;
- feedback: the teacher of KD, which goes on learning, also from the student.

The settings are those of the configs, which say where they come from; they were written
down before the first run. One schedule for all, that of the student alone. A method with
a trained teacher had 20 epochs of another network before.

Ours: benchmarks/results/peers_digits.md.
"""

_digits = 'configs/mmpretrain/digits'
base = f'{_digits}/resnet18-w2_digits.py'
teacher = dict(
    config=f'{_digits}/resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

methods = {
    'KD': f'{_digits}/kd_r18-w16-r18-w2_20e_digits.py',
    'DML, equal peer': f'{_digits}/dml_r18-w2-r18-w2_20e_digits.py',
    'DML, wide peer': f'{_digits}/dml_r18-w16-r18-w2_20e_digits.py',
    'MCL, equal peer': f'{_digits}/mcl-kd_r18-w2-r18-w2_20e_digits.py',
    'BD-KD, online': f'{_digits}/bdkd-online_r18-w16-r18-w2_20e_digits.py',
    'feedback': f'{_digits}/feedback_r18-w16-r18-w2_20e_digits.py',
}
