"""The student alone: MobileNetV1, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. The zoo has no such
model; data and schedule are those of its ResNets (256 images per step, learning rate
0.1, steps at 30, 60 and 90). The distilled MobileNetV1 are compared with this.

    tools/dist_train.sh configs/mmpretrain/imagenet/mobilenet-v1_100e_in1k.py 8

| run | top-1 |
|---|---|
| published | 68.87 (DIST, arXiv:2205.10536, has another baseline: 70.13) |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/mobilenet_v1.py',
    'mmpretrain::_base_/datasets/imagenet_bs32.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
    'mmpretrain::_base_/default_runtime.py',
]
