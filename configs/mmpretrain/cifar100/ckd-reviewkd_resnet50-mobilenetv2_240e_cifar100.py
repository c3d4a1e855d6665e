"""CKD with ReviewKD: ResNet-50 -> Half MobileNetV2, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Papers: arXiv:2404.14109,
arXiv:2104.09044. CKD with weight 100 and temperature 1, ReviewKD with weight 5 and a
warm-up of 20 epochs, as each has them alone:
configs/_base_/distill/ckd-reviewkd_cifar100.py, and for the values of this pair
configs/_base_/pairs/resnet50-mobilenetv2_cifar100.py. CKD's authors join the two on
COCO only, so the sum of both weights is ours. The benchmark's schedule: 64 images per
step, learning rate 0.01, a tenth from 150, 180 and 210.

    python tools/train.py configs/mmpretrain/cifar100/ckd-reviewkd_resnet50-mobilenetv2_240e_cifar100.py

| run | top-1 |
|---|---|
| teacher, the benchmark's ResNet-50 | 79.34 |
| student alone, mobilenetv2_240e_cifar100.py | 64.60 |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './mobilenetv2_240e_cifar100.py',
    '../../_base_/pairs/resnet50-mobilenetv2_cifar100.py',
    '../../_base_/distill/ckd-reviewkd_cifar100.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.ckd.loss.update(_base_.pair.ckd)
_base_.custom_hooks[0].distill.reviewkd.on = _base_.pair.reviewkd.on
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd.loss)
del _base_.pair
