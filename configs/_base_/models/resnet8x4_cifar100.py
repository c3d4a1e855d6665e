"""ResNet-8x4 of the CIFAR-100 distillation benchmark: 1.23 M parameters.

Four times the width, but a stem of 32 channels.
"""

_base_ = './resnet20_cifar100.py'

model = dict(
    backbone=dict(depth=8, base_channels=64, stem_channels=32),
    head=dict(in_channels=256),
)
