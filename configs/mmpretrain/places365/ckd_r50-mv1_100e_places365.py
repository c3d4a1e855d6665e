"""CKD: ResNet-50 -> MobileNetV1, Places365, 100 epochs.

Task: scene classification, top-1 accuracy (%) on the validation set. Paper:
arXiv:2404.14109. Weight 10 and temperature 1, as the authors set them:
configs/_base_/distill/ckd_in1k.py. The schedule of CKD's authors: 256 images per step,
learning rate 0.2, a tenth from 30, 60 and 90. Where the data come from:
configs/_base_/datasets/places365_bs32.py.

    tools/dist_train.sh configs/mmpretrain/places365/ckd_r50-mv1_100e_places365.py 8

| run | top-1 |
|---|---|
| teacher, resnet50_100e_places365.py | not run yet |
| student alone, mobilenet-v1_100e_places365.py | not run yet |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    './mobilenet-v1_100e_places365.py',
    '../../_base_/pairs/r50-mv1_places365.py',
    '../../_base_/distill/ckd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
