"""CKD: ResNet-50 -> MobileNetV1, ImageNet-1k, the authors' 200 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2404.14109.
Weight 10 and temperature 1, as the authors set them:
configs/_base_/distill/ckd_in1k.py. The schedule is theirs as well: 512 images per step,
learning rate 0.2, falling to 0 as a cosine. That is twice as long as the baselines
beside it in the paper, so KD and DKD have it here too: kd_r50-mv1_cosine-200e_in1k.py,
dkd_r50-mv1_cosine-200e_in1k.py.

    tools/dist_train.sh configs/mmpretrain/imagenet/ckd_r50-mv1_cosine-200e_in1k.py 8

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
    '../../_base_/distill/ckd_in1k.py',
]

_base_.custom_hooks[0].teacher = _base_.pair.teacher
del _base_.pair
