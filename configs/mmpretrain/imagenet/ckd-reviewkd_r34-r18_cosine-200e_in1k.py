"""CKD with ReviewKD: ResNet-34 -> ResNet-18, ImageNet-1k, 200 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Papers:
arXiv:2404.14109, arXiv:2104.09044. CKD with weight 10 and temperature 1, ReviewKD with
weight 1, as each has them alone: configs/_base_/distill/ckd-reviewkd_in1k.py, and for
widths and weight of ReviewKD configs/_base_/pairs/r34-r18_in1k.py. CKD's authors join
the two on COCO only, so the sum of both weights is ours. The schedule is that of CKD's
authors (512 images per step, learning rate 0.2, falling to 0 as a cosine).

    tools/dist_train.sh configs/mmpretrain/imagenet/ckd-reviewkd_r34-r18_cosine-200e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, resnet18_cosine-200e_in1k.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './resnet18_cosine-200e_in1k.py',
    '../../_base_/pairs/r34-r18_in1k.py',
    '../../_base_/distill/ckd-reviewkd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
