"""WRN-40-2 of the CIFAR-100 distillation benchmark: 2.26 M parameters."""

_base_ = './wrn-16-2_cifar100.py'

model = dict(backbone=dict(depth=40))
