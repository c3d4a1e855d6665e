"""The one-stage teacher of the digit scenes: GFL, ResNet-18 of width 32, 6 epochs.

    python tools/train.py configs/mmdet/digits/gfl_r18-w32_digits.py

Data, model and schedule: configs/_base_/digits_one_stage.py. Ours: not run yet.
"""

_base_ = '../../_base_/digits_one_stage.py'

model = dict(
    backbone=dict(base_channels=32),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    bbox_head=dict(in_channels=64),
)
train_cfg = dict(val_interval=3)
