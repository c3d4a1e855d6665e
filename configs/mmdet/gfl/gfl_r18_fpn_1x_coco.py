"""The student alone: GFL on ResNet-18, FPN, COCO, 1x (12 epochs).

Task: box detection on COCO 2017, box AP on val2017. The zoo has none; this is its R50
(box AP 40.2) with the backbone of its RetinaNet R18, in its schedule. The distilled
ones inherit this config and add the hook.

    tools/dist_train.sh configs/mmdet/gfl/gfl_r18_fpn_1x_coco.py 8

| run | box AP |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = 'mmdet::gfl/gfl_r50_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
