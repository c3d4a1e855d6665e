"""CKD with ReviewKD: ResNet-34 -> ResNet-18, Places365, 100 epochs.

Task: scene classification, top-1 accuracy (%) on the validation set. Papers:
arXiv:2404.14109, arXiv:2104.09044. CKD with weight 10 and temperature 1, its authors'
values, ReviewKD with weight 1, as on ImageNet:
configs/_base_/distill/ckd-reviewkd_in1k.py, and for widths and weight of ReviewKD
configs/_base_/pairs/r34-r18_in1k.py. CKD's authors join the two on COCO only, so the
sum of both weights is ours, as is this weight of ReviewKD. The schedule of CKD's
authors: 256 images per step, learning rate 0.2, a tenth from 30, 60 and 90. Where the
data come from: configs/_base_/datasets/places365_bs32.py.

    tools/dist_train.sh configs/mmpretrain/places365/ckd-reviewkd_r34-r18_100e_places365.py 8

| run | top-1 |
|---|---|
| teacher, resnet34_100e_places365.py | not run yet |
| student alone, resnet18_100e_places365.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './resnet18_100e_places365.py',
    '../../_base_/pairs/r34-r18_places365.py',
    '../../_base_/distill/ckd-reviewkd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
_base_.custom_hooks[0].distill.reviewkd.loss.update(_base_.pair.reviewkd)
del _base_.pair
