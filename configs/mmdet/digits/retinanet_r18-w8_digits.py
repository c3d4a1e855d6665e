"""A small RetinaNet for the digit scenes: ResNet-18 of width 8, 400 iterations.

    python tools/train.py configs/mmdet/digits/retinanet_r18-w8_digits.py

Data: configs/_base_/digits_detection.py, scaled to 96x96 pixels. A digit is 12 to 34
pixels high there. Model: three stages of a ResNet-18 and two levels of a FPN, of stride
8 and 16, from random weights. A run takes less than a minute of one core, so that many
can be compared.

Schedule: 400 iterations of 8 images, whatever the number of labelled images. `indices`
of the data set keeps the first n of them. The learning rate has the lowest training loss
of three settings (AdamW at 0.004 and 0.008, SGD at 0.02; one seed, 300 iterations).
Ours: benchmarks/results/foreign_teacher_digits.md.
"""

_base_ = '../../_base_/digits_detection.py'

model = dict(
    _delete_=True,
    type='RetinaNet',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='ResNet',
        depth=18,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(0, 1, 2),
        base_channels=8,
        norm_eval=False,
    ),
    neck=dict(
        type='FPN', in_channels=[8, 16, 32], out_channels=32, start_level=1, num_outs=2
    ),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=10,
        in_channels=32,
        feat_channels=32,
        stacked_convs=2,
        anchor_generator=dict(
            type='AnchorGenerator',
            octave_base_scale=1.5,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16],
        ),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25),
        loss_bbox=dict(type='L1Loss'),
    ),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.5,
            neg_iou_thr=0.4,
            min_pos_iou=0,
            ignore_iof_thr=-1,
        ),
        sampler=dict(type='PseudoSampler'),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=500,
        min_bbox_size=0,
        score_thr=0.001,  # a student that has learnt little has an AP as well
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=20,
    ),
)

scale = (96, 96)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

max_iters = 400
train_cfg = dict(
    _delete_=True,
    type='IterBasedTrainLoop',
    max_iters=max_iters,
    val_interval=max_iters,
)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.004, weight_decay=0.05),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(
        type='CosineAnnealingLR', by_epoch=False, begin=30, end=max_iters, eta_min=0.0
    ),
]
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(
        _delete_=True, type='CheckpointHook', by_epoch=False, interval=max_iters
    ),
)
log_processor = dict(by_epoch=False)
