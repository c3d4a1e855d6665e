"""VGG-13 of the CIFAR-100 distillation benchmark: 9.46 M parameters."""

_base_ = './vgg8_cifar100.py'

model = dict(backbone=dict(depth=13))
