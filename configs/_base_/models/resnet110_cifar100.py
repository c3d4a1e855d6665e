"""ResNet-110 of the CIFAR-100 distillation benchmark: 1.74 M parameters."""

_base_ = './resnet20_cifar100.py'

model = dict(backbone=dict(depth=110))
