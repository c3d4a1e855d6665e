_base_ = ['mmpretrain::resnet/resnet50_8xb16_cifar100.py']

model = dict(
    backbone=dict(depth=18, base_channels=16, stem_channels=16),
    head=dict(in_channels=128),
)
