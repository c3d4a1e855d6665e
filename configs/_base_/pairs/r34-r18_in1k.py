"""ResNet-34 -> ResNet-18 on ImageNet: the teacher, and what is set for this pair.

The teacher is MMPretrain's, 73.62; the papers' is torchvision's, 73.31. DKD: the beta
of `configs/imagenet/r34_r18/dkd.yaml` in megvii-research/mdistiller.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
    dkd=dict(beta=0.5),
)
