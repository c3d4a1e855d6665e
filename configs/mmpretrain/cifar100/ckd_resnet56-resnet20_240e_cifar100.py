"""CKD: ResNet-56 -> ResNet-20, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Paper: arXiv:2404.14109.
Weight 10 and temperature 1 are the authors' for this pair; the schedule is the
benchmark's, which all methods here share: 64 images per step, learning rate 0.05, a
tenth from 150, 180 and 210. The authors' own is 480 epochs:
`tools/make_config.py resnet56-resnet20_cifar100 ckd 480e`.

    python tools/train.py configs/mmpretrain/cifar100/ckd_resnet56-resnet20_240e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-56 | 72.34 |
| student alone, resnet20_240e_cifar100.py | 69.06 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './resnet20_240e_cifar100.py',
    '../../_base_/pairs/resnet56-resnet20_cifar100.py',
    '../../_base_/distill/ckd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.ckd.loss.update(_base_.pair.ckd)
del _base_.pair
