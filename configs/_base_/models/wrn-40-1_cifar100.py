"""WRN-40-1 of the CIFAR-100 distillation benchmark: 0.57 M parameters."""

_base_ = './wrn-40-2_cifar100.py'

model = dict(backbone=dict(widen_factor=1), head=dict(in_channels=64))
