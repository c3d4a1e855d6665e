"""Losses of feature maps and of RoIs on the digit scenes: 5 seeds, 3 epochs.

    python -m ckd_mm.datasets.digits
    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py  # teacher
    python tools/compare.py configs/compare/digit_scenes_maps.py --jobs 2

The settings are those of the configs, which say where they come from; none was tuned
here, and all were written down before the first run. CKD's temperature 0.1 and weight 1
are of earlier measurements on scenes of this kind, scored on validation scenes; its
authors' setting is a row of its own. One schedule for all, and one
student: its neck has the teacher's 64 channels, which CWD, HCL and PKD need. Terms
through the teacher's head, on the same student: cross_rois.py.

Ours: benchmarks/results/digit_scenes_maps.md.
"""

base = 'configs/mmdet/digits/faster-rcnn_r18-w8_digits.py'
teacher = dict(
    config='configs/mmdet/digits/faster-rcnn_r18-w32_digits.py',
    checkpoint='work_dirs/faster-rcnn_r18-w32_digits/epoch_6.pth',
)
metric = 'coco/bbox_mAP'
more_metrics = ['coco/bbox_mAP_50', 'coco/bbox_mAP_75']
seeds = [0, 1, 2, 3, 4]
cfg_options = {
    'train_cfg.max_epochs': 3,
    'param_scheduler.1.T_max': 3,
    'model.neck.out_channels': 64,
    'model.rpn_head.in_channels': 64,
    'model.rpn_head.feat_channels': 64,
    'model.roi_head.bbox_roi_extractor.out_channels': 64,
    'model.roi_head.bbox_head.in_channels': 64,
}

_configs = 'configs/mmdet/digits'

methods = {
    'CKD': f'{_configs}/ckd_r18-w32-r18-w8_6e_digits.py',
    "CKD, weight 0.1, T 1 (authors')": f'{_configs}/ckd-authors_r18-w32-r18-w8_6e_digits.py',
    'KD': f'{_configs}/kd_r18-w32-r18-w8_6e_digits.py',
    'KD and IoU': f'{_configs}/kd-iou_r18-w32-r18-w8_6e_digits.py',
    'DKD': f'{_configs}/dkd_r18-w32-r18-w8_6e_digits.py',
    'DIST': f'{_configs}/dist_r18-w32-r18-w8_6e_digits.py',
    'Mimic': f'{_configs}/mimic_r18-w32-r18-w8_6e_digits.py',
    'FitNet': f'{_configs}/fitnet_r18-w32-r18-w8_6e_digits.py',
    'FGFI': f'{_configs}/fgfi_r18-w32-r18-w8_6e_digits.py',
    'OFD': f'{_configs}/ofd_r18-w32-r18-w8_6e_digits.py',
    'HCL': f'{_configs}/hcl_r18-w32-r18-w8-fpn64_6e_digits.py',
    'ReviewKD': f'{_configs}/reviewkd_r18-w32-r18-w8_6e_digits.py',
    'Cosine map': f'{_configs}/cosinemap_r18-w32-r18-w8_6e_digits.py',
    'CWD': f'{_configs}/cwd_r18-w32-r18-w8-fpn64_6e_digits.py',
    'PKD': f'{_configs}/pkd_r18-w32-r18-w8-fpn64_6e_digits.py',
    'FGD': f'{_configs}/fgd_r18-w32-r18-w8_6e_digits.py',
    'MGD': f'{_configs}/mgd_r18-w32-r18-w8_6e_digits.py',
    'CanKD': f'{_configs}/cankd_r18-w32-r18-w8_6e_digits.py',
    'ACAM-KD': f'{_configs}/acamkd_r18-w32-r18-w8_6e_digits.py',
    'FreeKD': f'{_configs}/freekd_r18-w32-r18-w8_6e_digits.py',
    'ICKD': f'{_configs}/ickd_r18-w32-r18-w8_6e_digits.py',
    'Pairwise': f'{_configs}/pairwise_r18-w32-r18-w8_6e_digits.py',
    'CIRKD': f'{_configs}/cirkd_r18-w32-r18-w8_6e_digits.py',
}
