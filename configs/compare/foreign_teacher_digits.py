"""A classifier of timm teaches a detector, at three numbers of labelled images, 5 seeds.

    python -m ckd_mm.datasets.digits
    python benchmarks/digits_timm_teacher.py
    python tools/compare.py configs/compare/foreign_teacher_digits.py --jobs 2

- with labels: the term, CosineMapLoss of the maps of stride 8 and 16, beside the
  student's losses, with a tenth of the gradient at the backbone;
- first without labels: 400 iterations of the term alone on all 800 images, without
  reading their annotations, then the student's own training. The three numbers of labelled images share the first training.

One schedule for all, that of the student alone: 400 iterations of 8 images. Labelled
images are the first 80, 240 or 800. The settings were written down before the first
run.

Ours: benchmarks/results/foreign_teacher_digits.md.
"""

_student = 'configs/mmdet/digits/retinanet_r18-w8_digits.py'
_images = 'train_dataloader.dataset.indices'

base = {
    '10 % of labels': dict(config=_student, cfg_options={_images: 80}),
    '30 %': dict(config=_student, cfg_options={_images: 240}),
    '100 %': dict(config=_student, cfg_options={_images: 800}),
}
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50']
seeds = [0, 1, 2, 3, 4]

_teacher = dict(
    type='timm',
    model='convnext_atto',
    args=dict(
        depths=(1, 1, 2, 1),
        dims=(16, 32, 64, 128),
        ls_init_value=1.0,
        num_classes=10,
    ),
    checkpoint='work_dirs/digits_timm/convnext.pth',
)
_on = [
    dict(student='backbone:1', teacher='stages:1'),
    dict(student='backbone:2', teacher='stages:2'),
]
_loss = dict(type='CosineMapLoss')
_share = dict(type='GradientShare', share=0.1, of='backbone', interval=10)

_unlabelled = dict(
    _delete_=True,
    type='ImageFolderDataset',
    data_root='data/digits/detection/',
    data_prefix=dict(img='train/'),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(96, 96), keep_ratio=True),
        dict(type='PackDetInputs'),
    ],
)

methods = {
    'with labels': dict(
        teacher=_teacher,
        distill=dict(maps=dict(on=_on, loss=_loss, schedule=_share)),
    ),
    'first without labels': dict(
        first=dict(
            config=_student,
            teacher=_teacher,
            distill=dict(maps=dict(on=_on, loss=_loss)),
            student_loss_weight=0.0,
            cfg_options={
                'train_dataloader.dataset': _unlabelled,
                # the heads are not trained, so there is nothing to validate
                **dict.fromkeys(['val_dataloader', 'val_cfg', 'val_evaluator']),
            },
        ),
    ),
}
