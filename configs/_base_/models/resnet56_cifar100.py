"""ResNet-56 of the CIFAR-100 distillation benchmark: 0.86 M parameters."""

_base_ = './resnet20_cifar100.py'

model = dict(backbone=dict(depth=56))
