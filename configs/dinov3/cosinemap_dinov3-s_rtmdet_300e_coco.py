"""Cosine map (DSI): DINOv3 ViT-B/16 -> RTMDet-s, COCO, 300 epochs.

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2510.25257
(RT-DETRv4). What is published, and what is our choice:
configs/_base_/distill/cosinemap_dinov3.py. Published are students of another family
alone, RT-DETRv4-S to -X: 49.8, 53.7, 55.4, 57.0. RTMDet's own hooks come first, so ours
is number 2 for `--cfg-options`.

    tools/dist_train.sh configs/dinov3/cosinemap_dinov3-s_rtmdet_300e_coco.py 8

| run | box AP |
|---|---|
| teacher, timm's vit_base_patch16_dinov3 | none: it has no head |
| student alone, the zoo's RTMDet-s | 44.5 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py',
    '../_base_/distill/cosinemap_dinov3.py',
]

_base_.hook.distill.cosinemap.on.student = 'neck:2'  # stride 32 of 8 to 32
custom_hooks = [*_base_.custom_hooks, _base_.hook]
del _base_.hook
