"""SimKD: ResNet-32x4 -> ResNet-8x4, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set, of the student with the
projector and the teacher's classifier. Paper: arXiv:2203.14001. The squared error of
the last maps alone, half the teacher's width in the projector:
configs/_base_/distill/simkd_cifar100.py. The benchmark's schedule, which is the
authors': 64 images per step, learning rate 0.05, a tenth from 150, 180 and 210.

    python tools/train.py configs/mmpretrain/cifar100/simkd_resnet32x4-resnet8x4_240e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-32x4 | 79.42 |
| student alone, resnet8x4_240e_cifar100.py | 72.50 |
| published | 78.08 |
| ours | not run yet |
"""

_base_ = [
    './resnet8x4_240e_cifar100.py',
    '../../_base_/pairs/resnet32x4-resnet8x4_cifar100.py',
    '../../_base_/distill/simkd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
