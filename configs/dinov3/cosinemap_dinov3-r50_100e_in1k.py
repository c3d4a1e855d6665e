"""Cosine map (DSI): DINOv3 ViT-B/16 -> ResNet-50, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2510.25257
(RT-DETRv4). There the students are detectors; a classifier is our choice. What else is:
configs/_base_/distill/cosinemap_dinov3.py.

    tools/dist_train.sh configs/dinov3/cosinemap_dinov3-r50_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, timm's vit_base_patch16_dinov3 | none: it has no head |
| student alone, the zoo's ResNet-50 | 76.55 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmpretrain::resnet/resnet50_8xb32_in1k.py',
    '../_base_/distill/cosinemap_dinov3.py',
]

custom_hooks = [_base_.hook]
del _base_.hook
