"""The hook: CKD with ReviewKD for CIFAR-100's networks; the pair adds the rest.

Each term as it stands alone, in ckd_cifar100.py (arXiv:2404.14109) and
reviewkd_cifar100.py (arXiv:2104.09044), and so with the weight of its authors for the
pair: configs/_base_/pairs/. ReviewKD has its warm-up of 20 epochs, CKD has none. What
one adds to the other is seen beside the ckd_ and reviewkd_ configs of the pair.

What differs: CKD's authors join the two on COCO; on CIFAR-100 the combination was found
nowhere. To have it here, and the sum of both weights, is ours.
"""

_base_ = './reviewkd_cifar100.py'

_base_.custom_hooks[0].distill.ckd = dict(on='logits', loss=dict(type='CKDLoss'))
