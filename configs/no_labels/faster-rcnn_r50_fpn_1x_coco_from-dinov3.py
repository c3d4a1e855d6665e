"""Faster R-CNN, fine-tuned from a ResNet-50 that has learnt from DINOv3 without labels.

Task: box detection on COCO 2017, box AP on val2017. First run
cosinemap_dinov3-r50_100e_unlabeled2017.py; then

    tools/dist_train.sh configs/no_labels/faster-rcnn_r50_fpn_1x_coco_from-dinov3.py 8

The stock config, but for the weights that it starts from, and for BatchNorm: its first
stage is frozen in the stock config, which suits weights of ImageNet's. Here all are
trained, and their statistics are those of pretraining.

The stock config with weights of ImageNet: box AP 37.4. Ours: not run yet.
"""

_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py']

model = dict(
    backbone=dict(
        frozen_stages=-1,
        init_cfg=dict(
            checkpoint='work_dirs/cosinemap_dinov3-r50_100e_unlabeled2017/epoch_100.pth',
            prefix='backbone.',
        ),
    )
)
