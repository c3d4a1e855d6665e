"""ReviewKD: ResNet-32x4 -> ResNet-8x4, CIFAR-100, 480 epochs.

Task: classification, top-1 accuracy (%) on the test set. Paper: arXiv:2104.09044.
Weight 5, a warm-up of 20 epochs: configs/_base_/distill/reviewkd_cifar100.py, and for
layers, widths and weight configs/_base_/pairs/resnet32x4-resnet8x4_cifar100.py. The
schedule is that of CKD's authors (64 images per step, learning rate 0.05, falling to 0
as a cosine): twice as long as the benchmark's, so the published accuracies, of 240
epochs, do not belong here.

    python tools/train.py configs/mmpretrain/cifar100/reviewkd_resnet32x4-resnet8x4_480e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-32x4 | 79.42 |
| student alone, resnet8x4_480e_cifar100.py | not found |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './resnet8x4_480e_cifar100.py',
    '../../_base_/pairs/resnet32x4-resnet8x4_cifar100.py',
    '../../_base_/distill/reviewkd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.on = _base_.pair.reviewkd.on
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd.loss)
del _base_.pair
