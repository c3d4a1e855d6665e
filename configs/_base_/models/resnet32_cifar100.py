"""ResNet-32 of the CIFAR-100 distillation benchmark: 0.47 M parameters."""

_base_ = './resnet20_cifar100.py'

model = dict(backbone=dict(depth=32))
