"""ResNet-50 -> MobileNetV1 on Places365: the teacher, and what is set for this pair.

The teacher is ours: train configs/mmpretrain/places365/resnet50_100e_places365.py and
put its checkpoint where `checkpoint` says, or set `--cfg-options
custom_hooks.0.teacher.checkpoint=PATH`. DKD and ReviewKD: as for this pair on ImageNet,
which is ours; no values for Places365 were found.
"""

_base_ = './r50-mv1_in1k.py'

pair = dict(
    students={
        '_delete_': True,
        '100e': 'mmpretrain/places365/mobilenet-v1_100e_places365.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/places365/resnet50_100e_places365.py',
        checkpoint='checkpoints/places365/resnet50.pth',
    ),
)
