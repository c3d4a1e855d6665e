"""The student alone: Deformable DETR R18, COCO, 50 epochs.

Task: box detection on COCO 2017, box AP on val2017. The zoo has no such model; this is
its R50 (box AP 44.3) with a smaller backbone, in its schedule. The distilled R18 is
compared with this.

    tools/dist_train.sh configs/mmdet/deformable_detr/deformable-detr_r18_50e_coco.py 16

| run | box AP |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = 'mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[128, 256, 512]),
)
