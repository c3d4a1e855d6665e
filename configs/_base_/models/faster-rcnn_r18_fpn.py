"""Faster R-CNN with FPN on ResNet-18, which MMDetection's zoo has for no 1x or 2x run.

Everything but the backbone and the width of its stages is the stock R50 model, frozen
stem, first stage and BatchNorm statistics included, as in the zoo's RetinaNet R18.
"""

_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
