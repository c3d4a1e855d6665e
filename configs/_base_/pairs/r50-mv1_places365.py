"""ResNet-50 -> MobileNetV1 on Places365: the teacher, and what is set for this pair.

The teacher is ours: train configs/mmpretrain/places365/resnet50_100e_places365.py and
put its checkpoint where `checkpoint` says, or set `--cfg-options
custom_hooks.0.teacher.checkpoint=PATH`. DKD: the beta of this pair on ImageNet.
"""

pair = dict(
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/places365/resnet50_100e_places365.py',
        checkpoint='checkpoints/places365/resnet50.pth',
    ),
    dkd=dict(beta=2.0),
)
