"""The teacher: ResNet-50, Places365, 100 epochs.

Task: scene classification, top-1 accuracy (%) on the validation set. The schedule of
CKD's authors: 256 images per step, learning rate 0.2, a tenth from 30, 60 and 90.
MMPretrain's zoo has none, so it is trained first; the distilled configs read
checkpoints/places365/resnet50.pth. Where the data come from:
configs/_base_/datasets/places365_bs32.py.

    tools/dist_train.sh configs/mmpretrain/places365/resnet50_100e_places365.py 8

| run | top-1 |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = [
    'mmpretrain::_base_/models/resnet50.py',
    '../../_base_/datasets/places365_bs32.py',
    '../../_base_/schedules/places365_100e.py',
    'mmpretrain::_base_/default_runtime.py',
]

model = dict(head=dict(num_classes=365))
