"""Digit scenes without labels beside a tenth with labels, Faster R-CNN, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/unlabelled_scenes.py --jobs 2

80 of 800 training scenes are labelled. 'both' takes the term on the other 720 as well,
8 of them in each iteration; what is compared is so with the same term on labelled
scenes alone. KD and CKD compare the teacher's 64 best proposals, which need no label.
The teacher is that of all labels, as one that was trained elsewhere.

One schedule for all, half of that of the student alone: 300 iterations of 8 labelled
scenes, as in configs/compare/digit_scenes_maps.py. An iteration of 'both' costs more.
Weights and temperatures are those of the configs of all labels: none was tuned here.
They were written down before the first run.

Ours: benchmarks/results/unlabelled_scenes.md.
"""

_folder = 'configs/mmdet/digits/'

base = _folder + 'faster-rcnn_r18-w8_digits-tenth.py'
teacher = dict(
    config=_folder + 'faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50']
seeds = [0, 1, 2, 3, 4]
cfg_options = {
    'train_cfg.max_epochs': 30,
    'train_cfg.val_interval': 15,
    'param_scheduler.1.T_max': 30,
    'default_hooks.checkpoint.interval': 15,
}

_unlabelled = dict(
    dataloader=dict(
        batch_size=8,
        num_workers=0,
        dataset=dict(
            type='ImageFolderDataset',
            data_root='data/digits/detection/',
            data_prefix=dict(img='train/'),
            indices=list(range(80, 800)),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='Resize', scale=(160, 160), keep_ratio=True),
                dict(type='PackDetInputs'),
            ],
        ),
    ),
)
_rois = dict(part='roi_logits', rois='teacher', num_rois=64)
_kd = dict(on=_rois, loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0))
_ckd = dict(on=_rois, loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0))
_maps = dict(
    on=dict(student='neck:2', teacher='neck:2'), loss=dict(type='CosineMapLoss')
)


def _labelled(term):
    return dict(distill=dict(term=term))


def _both(term):
    return dict(distill=dict(term=dict(term, data='both')), unlabelled=_unlabelled)


methods = {
    'KD, labelled': _labelled(_kd),
    'KD, both': _both(_kd),
    'CKD, labelled': _labelled(_ckd),
    'CKD, both': _both(_ckd),
    'Cosine map, labelled': _labelled(_maps),
    'Cosine map, both': _both(_maps),
}
