"""Mask R-CNN with FPN on the ResNet-18 of faster-rcnn_r18_fpn.py.

The zoo has it for 200 epochs of large-scale jittering alone.
"""

_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
