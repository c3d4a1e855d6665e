"""The student alone: DINO with four levels, R18, COCO, 12 epochs.

Task: box detection on COCO 2017, box AP on val2017. The zoo has no such model; this is
its R50 (box AP 49.0) with a smaller backbone, in its schedule. The distilled R18 is
compared with this.

    tools/dist_train.sh configs/mmdet/dino/dino-4scale_r18_12e_coco.py 8

| run | box AP |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[128, 256, 512]),
)
