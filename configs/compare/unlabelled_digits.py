"""Digit images without labels beside a tenth with labels, classifiers, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py  # teacher
    python tools/compare.py configs/compare/unlabelled_digits.py --jobs 2

121 of 1,201 training images are labelled, about 12 of each digit. 'both' takes the term
on the other 1,080 as well, 64 of them in each iteration; what is compared is so with the
same term on labelled images alone. DHO is evaluated with both of its heads. SSLD reads
no label at all. The teacher is that of all labels, as one that was trained elsewhere.

One schedule for all, that of the student alone: 380 iterations of 64 labelled images,
as in configs/compare/digits_logits.py. An iteration of 'both' costs more, as the
student and the teacher see 128 images. Settings are those of the papers, or of the
configs of all labels: none was tuned here. They were written down before the first run.

Ours: benchmarks/results/unlabelled_digits.md.
"""

_folder = 'configs/mmpretrain/digits/'

base = _folder + 'resnet18-w2_digits-tenth.py'
teacher = dict(
    config=_folder + 'resnet18-w16_digits.py',
    checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
)
metric = 'accuracy/top1'
seeds = [0, 1, 2, 3, 4]

_unlabelled = dict(
    dataloader=dict(
        batch_size=64,
        num_workers=0,
        dataset=dict(
            type='ImageFolderDataset',
            data_root='data/digits/classification/train',
            indices=[number for number in range(1201) if number % 10],
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='Resize', scale=16),
                dict(type='RandomCrop', crop_size=16, padding=2),
                dict(type='PackInputs'),
            ],
        ),
    ),
)
_kd = dict(on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9))
_ckd = dict(on='logits', loss=dict(type='CKDLoss', temperature=1.0, loss_weight=10.0))
_dho = dict(
    on=dict(student='embedding', teacher='logits'),
    loss=dict(type='DHOLoss', temperature=2.0, mixture=0.5, mixture_temperature=0.5),
)


def _labelled(term, **options):
    return dict(distill=dict(term=term), **options)


def _both(term, **options):
    return _labelled(dict(term, data='both'), unlabelled=_unlabelled, **options)


methods = {
    'KD, labelled': _labelled(_kd, student_loss_weight=0.1),
    'KD, both': _both(_kd, student_loss_weight=0.1),
    'CKD, labelled': _labelled(_ckd),
    'CKD, both': _both(_ckd),
    'DHO, labelled': _labelled(_dho),
    'DHO, both': _folder + 'dho-unlabelled_r18-w16-r18-w2_190e_digits-tenth.py',
    'SSLD': _folder + 'ssld_r18-w16-r18-w2_190e_digits-tenth.py',
}
