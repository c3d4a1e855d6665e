auto_scale_lr = dict(base_batch_size=128)
custom_hooks = [
    dict(
        distill=dict(
            ckd=dict(
                loss=dict(loss_weight=10.0, temperature=1.0, type='CKDLoss'),
                on='logits')),
        teacher=dict(
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
            config='teachers/resnet18_w16_cifar100.py'),
        type='DistillationHook'),
]
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'ckd_mm',
    ])
data_preprocessor = dict(
    mean=[
        129.304,
        124.07,
        112.434,
    ],
    num_classes=100,
    std=[
        68.17,
        65.392,
        70.418,
    ],
    to_rgb=False)
dataset_type = 'CIFAR100'
default_hooks = dict(
    checkpoint=dict(_scope_='mmpretrain', interval=1, type='CheckpointHook'),
    logger=dict(_scope_='mmpretrain', interval=100, type='LoggerHook'),
    param_scheduler=dict(_scope_='mmpretrain', type='ParamSchedulerHook'),
    sampler_seed=dict(_scope_='mmpretrain', type='DistSamplerSeedHook'),
    timer=dict(_scope_='mmpretrain', type='IterTimerHook'),
    visualization=dict(
        _scope_='mmpretrain', enable=False, type='VisualizationHook'))
default_scope = 'mmpretrain'
distillation_default = "ckd for ImageClassifier and ImageClassifier: on='logits', as both have logits"
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
load_from = None
log_level = 'INFO'
model = dict(
    _scope_='mmpretrain',
    backbone=dict(
        base_channels=8,
        depth=18,
        num_stages=4,
        out_indices=(3, ),
        stem_channels=8,
        style='pytorch',
        type='ResNet_CIFAR'),
    head=dict(
        in_channels=64,
        loss=dict(loss_weight=1.0, type='CrossEntropyLoss'),
        num_classes=100,
        type='LinearClsHead'),
    neck=dict(type='GlobalAveragePooling'),
    type='ImageClassifier')
optim_wrapper = dict(
    optimizer=dict(
        _scope_='mmpretrain',
        lr=0.1,
        momentum=0.9,
        type='SGD',
        weight_decay=0.0005))
param_scheduler = dict(
    _scope_='mmpretrain',
    by_epoch=True,
    gamma=0.2,
    milestones=[
        60,
        120,
        160,
    ],
    type='MultiStepLR')
randomness = dict(deterministic=False, seed=None)
resume = False
test_cfg = dict()
test_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/cifar100/',
        pipeline=[
            dict(type='PackInputs'),
        ],
        split='test',
        type='CIFAR100'),
    num_workers=2,
    sampler=dict(_scope_='mmpretrain', shuffle=False, type='DefaultSampler'))
test_evaluator = dict(_scope_='mmpretrain', topk=(1, ), type='Accuracy')
test_pipeline = [
    dict(_scope_='mmpretrain', type='PackInputs'),
]
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/cifar100',
        pipeline=[
            dict(crop_size=32, padding=4, type='RandomCrop'),
            dict(direction='horizontal', prob=0.5, type='RandomFlip'),
            dict(type='PackInputs'),
        ],
        split='train',
        type='CIFAR100'),
    num_workers=2,
    sampler=dict(_scope_='mmpretrain', shuffle=True, type='DefaultSampler'))
train_pipeline = [
    dict(_scope_='mmpretrain', crop_size=32, padding=4, type='RandomCrop'),
    dict(
        _scope_='mmpretrain',
        direction='horizontal',
        prob=0.5,
        type='RandomFlip'),
    dict(_scope_='mmpretrain', type='PackInputs'),
]
val_cfg = dict()
val_dataloader = dict(
    batch_size=16,
    dataset=dict(
        _scope_='mmpretrain',
        data_root='data/cifar100/',
        pipeline=[
            dict(type='PackInputs'),
        ],
        split='test',
        type='CIFAR100'),
    num_workers=2,
    sampler=dict(_scope_='mmpretrain', shuffle=False, type='DefaultSampler'))
val_evaluator = dict(_scope_='mmpretrain', topk=(1, ), type='Accuracy')
vis_backends = [
    dict(_scope_='mmpretrain', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmpretrain',
    type='UniversalVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ])
work_dir = 'work_dirs/ckd_resnet18_w8_cifar100'
