"""ReviewKD: ResNet-50 -> MobileNetV1, ImageNet-1k, 200 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2104.09044.
Weight 8: configs/_base_/distill/reviewkd_in1k.py, and for widths and weight
configs/_base_/pairs/r50-mv1_in1k.py. The schedule is that of CKD's authors (512 images
per step, learning rate 0.2, falling to 0 as a cosine): twice as long as mdistiller's,
so the published accuracies, of 100 epochs, do not belong here.

    tools/dist_train.sh configs/mmpretrain/imagenet/reviewkd_r50-mv1_cosine-200e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-50 | 76.55 (in the papers 76.16) |
| student alone, mobilenet-v1_cosine-200e_in1k.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './mobilenet-v1_cosine-200e_in1k.py',
    '../../_base_/pairs/r50-mv1_in1k.py',
    '../../_base_/distill/reviewkd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
