"""Digit images: what all classification configs in configs/mmpretrain/digits share.

Data: 1,201 training and 596 held-out images of scikit-learn's digits, written by
`python -m ckd_mm.datasets.digits`, read by the stock CustomDataset. They have 8x8
pixels and are enlarged to 16x16; training images are shifted by up to two pixels, never
flipped.

Model: MMPretrain's ResNet for small images (no max-pooling), depth 18, from random
weights. The widths are in the configs that inherit this one.
"""

_base_ = [
    'mmpretrain::_base_/models/resnet18_cifar.py',
    'mmpretrain::_base_/default_runtime.py',
]

data_preprocessor = dict(
    num_classes=10, mean=[127.5] * 3, std=[127.5] * 3, to_rgb=False
)

data_root = 'data/digits/classification/'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=16),
    dict(type='RandomCrop', crop_size=16, padding=2),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=16),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,  # MMPretrain's train.py would set True
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset', data_root=data_root + 'train', pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=149,
    num_workers=0,
    persistent_workers=False,  # MMPretrain's train.py would set True
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset', data_root=data_root + 'val', pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=2)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4)
)
param_scheduler = dict(
    type='CosineAnnealingLR', by_epoch=True, T_max=20, convert_to_iter_based=True
)

default_hooks = dict(
    # validation results by iteration; the time of every iteration counted once
    logger=dict(interval=5, log_metric_by_epoch=False),
    checkpoint=dict(interval=1, max_keep_ckpts=1),
)
log_processor = dict(window_size=5)
randomness = dict(seed=0)
