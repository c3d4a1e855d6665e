_base_ = ['mmpretrain::resnet/resnet18_8xb32_in1k.py']

model = dict(
    backbone=dict(base_channels=16, stem_channels=16, out_indices=(0, 1, 2, 3)),
    head=dict(in_channels=128),
)
