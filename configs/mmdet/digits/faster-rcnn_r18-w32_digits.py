"""The teacher of the digit scenes: Faster R-CNN, ResNet-18 of width 32, 6 epochs.

    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w32_digits.py

Data, model and schedule: configs/_base_/digits_detection.py, with a learning rate of
0.08, which ends at a lower training loss than 0.02. Ours:
benchmarks/results/digit_scenes_logits.md has its mAP.
"""

_base_ = '../../_base_/digits_detection.py'

model = dict(
    backbone=dict(base_channels=32),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=0.08))
train_cfg = dict(val_interval=3)
