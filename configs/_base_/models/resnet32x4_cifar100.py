"""ResNet-32x4 of the CIFAR-100 distillation benchmark: 7.43 M parameters."""

_base_ = './resnet8x4_cifar100.py'

model = dict(backbone=dict(depth=32))
