"""The student of the digit scenes with a tenth of the labels: Faster R-CNN, width 8.

    python tools/train.py configs/mmdet/digits/faster-rcnn_r18-w8_digits-tenth.py

The first 80 of 800 training scenes are labelled. An epoch has 10 iterations, so 60
epochs are the 600 iterations of faster-rcnn_r18-w8_digits.py. The configs that inherit
this one add the hook, and the other scenes without labels.

Ours, 30 epochs: benchmarks/results/unlabelled_scenes.md.
"""

_base_ = './faster-rcnn_r18-w8_digits.py'

train_dataloader = dict(dataset=dict(indices=80))
train_cfg = dict(max_epochs=60, val_interval=6)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=60, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=6))
