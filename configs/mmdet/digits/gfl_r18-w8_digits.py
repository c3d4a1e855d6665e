"""The one-stage student of the digit scenes: GFL, ResNet-18 of width 8, 6 epochs.

    python tools/train.py configs/mmdet/digits/gfl_r18-w8_digits.py

Data, model and schedule: configs/_base_/digits_one_stage.py. Ours: not run yet.
"""

_base_ = '../../_base_/digits_one_stage.py'

model = dict(
    backbone=dict(base_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    bbox_head=dict(in_channels=32),
)
