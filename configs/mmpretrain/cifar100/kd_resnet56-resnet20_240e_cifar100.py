"""KD: ResNet-56 -> ResNet-20, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Paper: arXiv:1503.02531.
Temperature 4, weight 0.9 beside 0.1 for the cross-entropy:
configs/_base_/distill/kd_cifar100.py. The benchmark's schedule: 64 images per step,
learning rate 0.05, a tenth from 150, 180 and 210.

    python tools/train.py configs/mmpretrain/cifar100/kd_resnet56-resnet20_240e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-56 | 72.34 |
| student alone, resnet20_240e_cifar100.py | 69.06 |
| published | 70.66 |
| ours | not run yet |
"""

_base_ = [
    './resnet20_240e_cifar100.py',
    '../../_base_/pairs/resnet56-resnet20_cifar100.py',
    '../../_base_/distill/kd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
