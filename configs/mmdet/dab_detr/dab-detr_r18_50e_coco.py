"""The student alone: DAB-DETR R18, COCO, 50 epochs.

Task: box detection on COCO 2017, box AP on val2017. The zoo has no such model; this is
its R50 (box AP 42.3) with a smaller backbone, in its schedule. The authors of KD-DETR
report 36.2 for theirs (arXiv:2211.08071). The distilled R18 is compared with this.

    tools/dist_train.sh configs/mmdet/dab_detr/dab-detr_r18_50e_coco.py 8

| run | box AP |
|---|---|
| published | 36.2 |
| ours | not run yet |
"""

_base_ = 'mmdet::dab_detr/dab-detr_r50_8xb2-50e_coco.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')
    ),
    neck=dict(in_channels=[512]),
)
