"""The teacher of the digit images: ResNet-18 of width 16, 20 epochs.

    python tools/train.py configs/mmpretrain/digits/resnet18-w16_digits.py

Data, model and schedule: configs/_base_/digits_classification.py. Ours:
`make demo-cls` shows its accuracy.
"""

_base_ = '../../_base_/digits_classification.py'

model = dict(
    backbone=dict(base_channels=16, stem_channels=16), head=dict(in_channels=128)
)
