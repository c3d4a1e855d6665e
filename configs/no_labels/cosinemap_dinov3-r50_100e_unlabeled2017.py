"""A ResNet-50 learns maps of DINOv3 from images without labels: COCO unlabeled2017.

Task: pretraining of a backbone; faster-rcnn_r50_fpn_1x_coco_from-dinov3.py fine-tunes a
detector from it. Teacher: timm's ViT-B/16 of DINOv3, its weights from the hub (they ask
for a licence). Data: the 123k images of COCO's unlabeled2017.zip in
`data/coco/unlabeled2017/`; any folder of images does.

    tools/dist_train.sh configs/no_labels/cosinemap_dinov3-r50_100e_unlabeled2017.py 8

The student is a stock Faster R-CNN, of which the backbone alone runs. Its last stage has
stride 32, and the teacher's patches 16: at half the size, its maps have the student's
size. CosineMapLoss learns the projection, from 2048 channels to 768.

From papers: the loss is DSI of RT-DETRv4 (arXiv:2510.25257), which has it beside the
losses of a detector, with labels. Pretraining a backbone without labels by the patches of
a foundation model is what lightly-train does, by the mean squared error of a projection.
Ours: that the two go together, half the size for the teacher, weight 1, the schedule.

Published: none for this pair. Ours: not run yet. No setting was tried.
"""

_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py']

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
model = dict(backbone=dict(frozen_stages=-1, norm_eval=False, init_cfg=None))
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(type='timm', model='vit_base_patch16_dinov3', input_size=0.5),
        distill=dict(
            cosinemap=dict(
                on=dict(student='backbone:3', teacher='blocks:-1'),
                loss=dict(type='CosineMapLoss', resize='student'),
            ),
        ),
        student_loss_weight=0,  # no labels: no head and no loss of the detector runs
    )
]

train_dataloader = dict(
    _delete_=True,
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ImageFolderDataset',
        data_root='data/coco/',
        data_prefix=dict(img='unlabeled2017/'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(  # the shorter side has 448 to 896 pixels
                type='RandomResize',
                scale=(2000, 448),
                ratio_range=(1.0, 2.0),
                keep_ratio=True,
            ),
            dict(type='RandomCrop', crop_size=(448, 448)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='PackDetInputs'),
        ],
    ),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=100)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None

optim_wrapper = dict(
    _delete_=True,
    type='AmpOptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=2000),
    dict(type='CosineAnnealingLR', T_max=100, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=256)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
find_unused_parameters = True  # several GPUs: the heads do not run
