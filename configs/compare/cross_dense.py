"""Terms of a one-stage detector, on its own and through the teacher's head, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/gfl_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/cross_dense.py --jobs 2

GFL on the digit scenes, one schedule of 3 epochs for all. The cross logits have the
values of their paper. CKD and KD have no paper for one-stage detectors: CKD's are those
of its COCO configs, KD's are ours. KD compares each class of a row as yes or no. All
were written down before the first run.

Ours, 17 minutes on 2 cores: benchmarks/results/cross_dense.md.
"""

base = 'configs/mmdet/digits/gfl_r18-w8_digits.py'
teacher = dict(
    config='configs/mmdet/digits/gfl_r18-w32_digits.py',
    checkpoint='work_dirs/gfl_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50', 'coco/bbox_mAP_75']
seeds = [0, 1, 2, 3, 4]
cfg_options = {'train_cfg.max_epochs': 3, 'param_scheduler.1.T_max': 3}

_ckd = dict(on='dense_logits', loss=dict(type='CKDLoss', temperature=0.1))
_kd = dict(
    on=dict(part='dense_logits', activation='binary'),
    loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
)
_cross = dict(on='cross_logits', loss=dict(type='QualityFocalKDLoss'))

methods = {
    'CKD': dict(distill=dict(ckd=_ckd)),
    'KD': dict(distill=dict(kd=_kd)),
    'cross logits': dict(distill=dict(cross=_cross)),
}
