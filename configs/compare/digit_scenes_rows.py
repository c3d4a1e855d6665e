"""Which RoIs CKD compares, on the digit scenes, 3 seeds: 27 runs of 6 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/digit_scenes_rows.py --jobs 2

One thing at a time is changed in CKD of weight 1 and temperature 0.1: which RoIs are
compared, and which of them are negatives of each other. 64 RoIs an image are what the
sampler draws: with as many proposals only the source of the RoIs differs.

Ours: benchmarks/results/digit_scenes_rows.md.
"""

base = 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
teacher = dict(
    config='configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50', 'coco/bbox_mAP_75']
seeds = [0, 1, 2]

_loss = dict(type='CKDLoss', temperature=0.1, loss_weight=1.0)


def _on(**options):
    """CKD on RoIs that these options choose."""
    return dict(
        distill=dict(ckd=dict(on=dict(part='roi_logits', **options), loss=_loss))
    )


def _among(**options):
    """CKD with the negatives that these options choose."""
    return dict(distill=dict(ckd=dict(on='roi_logits', loss=dict(_loss, **options))))


methods = {
    'CKD, weight 1, T 0.1: all sampled RoIs': 'configs/mmdet/digits/ckd_r18-w32-r18-w8_6e_digits.py',
    'RoIs of objects alone': _on(background_ratio=0),
    'one of background for each of an object': _on(background_ratio=1),
    'no negatives of the same class': _among(same_class_negatives=False),
    'negatives of the same image': _among(per_image=True),
    "the student's 64 best proposals": _on(rois='proposals', num_rois=64),
    "the teacher's 64 best proposals": _on(rois='teacher', num_rois=64),
    'all sampled RoIs, + BoxRegressionLoss': 'configs/mmdet/digits/ckd-boxregression_r18-w32-r18-w8_6e_digits.py',
}
