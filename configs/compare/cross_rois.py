"""Terms of RoIs, of maps and through the teacher's RoI head: digit scenes, 5 seeds.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/cross_rois.py --jobs 2

One schedule of 3 epochs for all. The student has the teacher's 64 channels in its neck,
which PKD and the teacher's RoI head take. PKD's weight is its authors'. CKD's setting is
that of configs/mmdet/digits, from earlier measurements on such scenes. Weights of 1 of
the other terms are ours. All were written down before the first run.

In the run below PKD compared all five levels; its config has its authors' four since.

Ours, 69 minutes beside other work on 2 cores: benchmarks/results/cross_rois.md.
"""

base = 'configs/mmdet/digits/faster-rcnn_r18-w8-fpn64_digits.py'
teacher = dict(
    config='configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50', 'coco/bbox_mAP_75']
seeds = [0, 1, 2, 3, 4]
cfg_options = {'train_cfg.max_epochs': 3, 'param_scheduler.1.T_max': 3}

_ckd = dict(on='roi_logits', loss=dict(type='CKDLoss', temperature=0.1))
_kd = dict(type='KDLoss', temperature=1.0, loss_weight=1.0)
_cross = dict(
    cross=dict(on='cross_roi_logits', loss=_kd),
    boxes=dict(on='cross_roi_boxes', loss=dict(type='BoxRegressionLoss')),
)

methods = {
    'CKD': dict(distill=dict(ckd=_ckd)),
    'KD': dict(distill=dict(kd=dict(on='roi_logits', loss=_kd))),
    'PKD': 'configs/mmdet/digits/pkd_r18-w32-r18-w8-fpn64_6e_digits.py',
    'cross-RoI': dict(distill=_cross),
    'CKD and cross-RoI': dict(distill=dict(ckd=_ckd, **_cross)),
}
