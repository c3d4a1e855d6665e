"""The student of the digit scenes: Faster R-CNN, ResNet-18 of width 8, 6 epochs.

    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w8_digits.py

Data, model and schedule: configs/_base_/digits_detection.py. The distilled ones inherit
this config and add the hook. Ours, over 3 seeds:
benchmarks/results/digit_scenes_logits.md.
"""

_base_ = '../../_base_/digits_detection.py'

model = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        bbox_head=dict(in_channels=32, fc_out_channels=64),
    ),
)
