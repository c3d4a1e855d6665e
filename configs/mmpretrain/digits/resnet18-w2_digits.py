"""The student of the digit images: ResNet-18 of width 2, 20 epochs.

    python tools/train.py configs/mmpretrain/digits/resnet18-w2_digits.py

Data, model and schedule: configs/_base_/digits_classification.py. Ours:
`make demo-cls` shows its accuracy. The distilled ones
inherit this config and add the hook.
"""

_base_ = '../../_base_/digits_classification.py'

model = dict(backbone=dict(base_channels=2, stem_channels=2), head=dict(in_channels=16))
