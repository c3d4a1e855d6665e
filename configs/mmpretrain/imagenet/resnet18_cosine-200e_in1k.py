"""The student alone: ResNet-18, ImageNet-1k, 200 epochs.

Task: classification, top-1 accuracy (%) on the validation set. The schedule of CKD's
authors (512 images per step, learning rate 0.2, falling to 0 as a cosine): twice as
long as the usual, so the published accuracies, of 100 epochs, do not belong here.

    tools/dist_train.sh configs/mmpretrain/imagenet/resnet18_cosine-200e_in1k.py 8

| run | top-1 |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmpretrain::_base_/models/resnet18.py',
    'mmpretrain::_base_/datasets/imagenet_bs64.py',
    '../../_base_/schedules/imagenet_cosine-200e.py',
    'mmpretrain::_base_/default_runtime.py',
]
