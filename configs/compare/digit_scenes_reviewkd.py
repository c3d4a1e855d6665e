"""CKD and ReviewKD on the digit scenes, alone and together, 3 seeds: 18 runs of 6 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/digit_scenes_reviewkd.py --jobs 2

One schedule for all, that of the student alone.

Ours: benchmarks/results/digit_scenes_reviewkd.md.
"""

base = 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
teacher = dict(
    config='configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50', 'coco/bbox_mAP_75']
seeds = [0, 1, 2]

methods = {
    "CKD, weight 0.1, T 1 (authors')": 'configs/mmdet/digits/ckd-authors_r18-w32-r18-w8_6e_digits.py',
    'CKD, weight 1, T 0.1': 'configs/mmdet/digits/ckd_r18-w32-r18-w8_6e_digits.py',
    'ReviewKD, weight 1.2': 'configs/mmdet/digits/reviewkd_r18-w32-r18-w8_6e_digits.py',
    "CKD (authors') + ReviewKD": 'configs/mmdet/digits/ckd-authors-reviewkd_r18-w32-r18-w8_6e_digits.py',
    'CKD, weight 1, T 0.1, + ReviewKD': 'configs/mmdet/digits/ckd-reviewkd_r18-w32-r18-w8_6e_digits.py',
}
