"""CKD as published and with options of other contrastive losses: RoIs, 5 seeds, 3 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/ckd_options_scenes.py --jobs 2

One thing at a time is changed in CKD of weight 1 and temperature 0.1. RoIs of
background, label 10, have their match as the only positive. The settings were written
down before the first run. Images are in ckd_options_digits.py.

Ours: benchmarks/results/ckd_options_scenes.md.
"""

base = 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
teacher = dict(
    config='configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50']
seeds = [0, 1, 2, 3, 4]
cfg_options = {'train_cfg.max_epochs': 3, 'param_scheduler.1.T_max': 3}

_ckd = 'configs/mmdet/digits/ckd_r18-w32-r18-w8_6e_digits.py'


def _with(**options):
    loss = dict(type='CKDLoss', temperature=0.1, loss_weight=1.0, **options)
    return dict(distill=dict(ckd=dict(on='roi_logits', loss=loss)))


_by_class = dict(positives='class', background_class=10)

methods = {
    'CKD': _ckd,
    'match not in the denominator': _with(positive_in_denominator=False),
    'positives of the class': _with(**_by_class),
    'both': _with(**_by_class, positive_in_denominator=False),
    'no negatives of the class': _with(same_class_negatives=False),
    'centered over the batch': _with(center='batch'),
    'centered over the classes': _with(center='classes'),
}
