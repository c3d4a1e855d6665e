"""Cosine map (DSI): DINOv3 ViT-B/16 -> DINO R50, COCO, 12 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2510.25257
(RT-DETRv4). What is published, and what is our choice:
configs/_base_/distill/cosinemap_dinov3.py. Published are students of another family
alone, RT-DETRv4-S to -X: 49.8, 53.7, 55.4, 57.0. DINO, the detector, has nothing to do
with DINOv3. The map is that of the neck, before the encoder.

    tools/dist_train.sh configs/dinov3/cosinemap_dinov3-r50_dino_12e_coco.py 8

| run | box AP |
|---|---|
| teacher, timm's vit_base_patch16_dinov3 | none: it has no head |
| student alone, the zoo's DINO R50 | 49.0 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py',
    '../_base_/distill/cosinemap_dinov3.py',
]

_base_.hook.distill.cosinemap.on.student = 'neck:2'  # stride 32 of 8 to 64
custom_hooks = [_base_.hook]
del _base_.hook
