"""The hook: CKD with ReviewKD for ImageNet's networks; the pair adds the rest.

Each term as it stands alone, in ckd_in1k.py (arXiv:2404.14109: weight 10, temperature
1) and reviewkd_in1k.py (arXiv:2104.09044: the weight in configs/_base_/pairs/), on
ImageNet and on Places365. What one adds to the other is seen beside the ckd_ and
reviewkd_ configs of the pair.

What differs: CKD's authors join the two on COCO; on ImageNet and Places365 the
combination was found nowhere. To have it here, and the sum of both weights, is ours.
"""

_base_ = './reviewkd_in1k.py'

_base_.custom_hooks[0].distill.ckd = dict(
    on='logits', loss=dict(type='CKDLoss', temperature=1.0, loss_weight=10.0)
)
