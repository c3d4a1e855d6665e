"""CAT-KD: ResNet-32x4 -> ShuffleNet V1, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Paper: arXiv:2304.12777. Class
activation maps of 4 x 4 positions, each of length 1, weight 600:
configs/_base_/distill/catkd_cifar100.py, and for size and weight
configs/_base_/pairs/resnet32x4-shufflev1_cifar100.py. The benchmark's schedule: 64
images per step, learning rate 0.01, a tenth from 150, 180 and 210.

The published number is the one that notes on a later paper (arXiv:2507.15911) quote.

    python tools/train.py configs/mmpretrain/cifar100/catkd_resnet32x4-shufflev1_240e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-32x4 | 79.42 |
| student alone, shufflev1_240e_cifar100.py | 70.50 |
| published | 78.26 |
| ours | not run yet |
"""

_base_ = [
    './shufflev1_240e_cifar100.py',
    '../../_base_/pairs/resnet32x4-shufflev1_cifar100.py',
    '../../_base_/distill/catkd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.catkd.loss.update(_base_.pair.catkd)
del _base_.pair
