"""Digit scenes with a one-stage detector: what its student and its teacher share.

Data and schedule: configs/_base_/digits_detection.py. Model: the stock GFL with a
ResNet-18 from random weights, three levels (strides 8 to 32) and a head of width 32, as
wide in the teacher, whose convolutions then take the student's maps.
"""

_base_ = './digits_detection.py'

model = dict(
    _delete_=True,
    type='GFL',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(type='ResNet', depth=18, norm_eval=False, frozen_stages=-1),
    neck=dict(type='FPN', start_level=1, num_outs=3),
    bbox_head=dict(
        type='GFLHead',
        num_classes=10,
        stacked_convs=4,
        feat_channels=32,
        anchor_generator=dict(
            type='AnchorGenerator',
            ratios=[1.0],
            octave_base_scale=4,
            scales_per_octave=1,
            strides=[8, 16, 32],
        ),
        loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0),
        loss_dfl=dict(type='DistributionFocalLoss', loss_weight=0.25),
        reg_max=16,
        loss_bbox=dict(type='GIoULoss', loss_weight=2.0),
    ),
    train_cfg=dict(
        assigner=dict(type='ATSSAssigner', topk=9),
        allowed_border=-1,
        pos_weight=-1,
        debug=False,
    ),
    test_cfg=dict(
        nms_pre=500,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.6),
        max_per_img=20,
    ),
)
