"""CKD: ResNet-34 -> ResNet-18, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2404.14109.
Weight 10 and temperature 1, as the authors set them:
configs/_base_/distill/ckd_in1k.py. The stock schedule: 256 images per step, learning
rate 0.1, a tenth from 30, 60 and 90. The authors' own is 200
epochs: `tools/make_config.py r34-r18_in1k ckd cosine-200e`.

    tools/dist_train.sh configs/mmpretrain/imagenet/ckd_r34-r18_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, the zoo's ResNet-18 | 69.90 (in the papers 69.75) |
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmpretrain::resnet/resnet18_8xb32_in1k.py',
    '../../_base_/pairs/r34-r18_in1k.py',
    '../../_base_/distill/ckd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
