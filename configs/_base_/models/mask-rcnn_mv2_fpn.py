"""Mask R-CNN with FPN on the MobileNetV2 of faster-rcnn_mv2_fpn.py: see there."""

_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(1, 2, 4, 6),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://mmdet/mobilenet_v2'),
    ),
    neck=dict(in_channels=[24, 32, 96, 320]),
)

# The 1280-channel convolution gets no gradient; DistributedDataParallel has to know.
find_unused_parameters = True
