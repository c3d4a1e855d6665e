"""ResNet-50 -> MobileNetV1 on ImageNet: the teacher, and what is set for this pair.

The teacher is MMPretrain's, 76.55; the papers' is torchvision's, 76.16. DKD: the beta
of `configs/imagenet/r50_mv1/dkd.yaml` in megvii-research/mdistiller.
"""

pair = dict(
    teacher=dict(config='mmpretrain::resnet/resnet50_8xb32_in1k.py'),
    dkd=dict(beta=2.0),
)
