"""ResNet-34 -> ResNet-18 on Places365: the teacher, and what is set for this pair.

The teacher is ours: train configs/mmpretrain/places365/resnet34_100e_places365.py and
put its checkpoint where `checkpoint` says, or set `--cfg-options
custom_hooks.0.teacher.checkpoint=PATH`. DKD and ReviewKD: as for this pair on ImageNet,
which is ours; no values for Places365 were found.
"""

_base_ = './r34-r18_in1k.py'

pair = dict(
    students={
        '_delete_': True,
        '100e': 'mmpretrain/places365/resnet18_100e_places365.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/places365/resnet34_100e_places365.py',
        checkpoint='checkpoints/places365/resnet34.pth',
    ),
)
