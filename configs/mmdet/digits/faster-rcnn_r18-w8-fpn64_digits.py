"""The student of the digit scenes with the teacher's neck: Faster R-CNN, ResNet-18 of
width 8, FPN of 64 channels, 6 epochs.

    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w8-fpn64_digits.py

For the losses of feature maps that need equal widths (CWD, PKD, HCL). All else as
faster-rcnn_r18-w8_digits.py. Ours: not run yet.
"""

_base_ = './faster-rcnn_r18-w8_digits.py'

model = dict(
    neck=dict(out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64), bbox_head=dict(in_channels=64)
    ),
)
