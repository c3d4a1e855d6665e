"""ReviewKD: WRN-40-2 -> ShuffleNet V1, CIFAR-100, 480 epochs.

Task: classification, top-1 accuracy (%) on the test set. Paper: arXiv:2104.09044.
Weight 5, a warm-up of 20 epochs: configs/_base_/distill/reviewkd_cifar100.py, and for
layers, widths and weight configs/_base_/pairs/wrn-40-2-shufflev1_cifar100.py. The
schedule is that of CKD's authors (32 images per step, learning rate 0.01, falling to 0
as a cosine).

    python tools/train.py configs/mmpretrain/cifar100/reviewkd_wrn-40-2-shufflev1_480e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's WRN-40-2 | 75.61 |
| student alone, shufflev1_480e_cifar100.py | not found |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './shufflev1_480e_cifar100.py',
    '../../_base_/pairs/wrn-40-2-shufflev1_cifar100.py',
    '../../_base_/distill/reviewkd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.on = _base_.pair.reviewkd.on
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd.loss)
del _base_.pair
