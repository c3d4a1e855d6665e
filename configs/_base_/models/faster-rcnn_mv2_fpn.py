"""Faster R-CNN with FPN on MobileNetV2, after the code of ReviewKD and DKD.

As in megvii-research/mdistiller (`detection/model/backbone/mobilenetv2.py` and
`detection/configs/DKD/DKD-MV2-R50.yaml`): FPN on the blocks of 24, 32, 96 and 320
channels at strides 4, 8, 16 and 32, no stage frozen, BatchNorm frozen throughout,
statistics and affine.

What differs: weights from ImageNet and the RGB input that belongs to them are those of
MMDetection's YOLOv3 MobileNetV2. MMDetection's backbone also has the last 1x1
convolution (1280 channels), which runs but feeds nothing.
"""

_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

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
