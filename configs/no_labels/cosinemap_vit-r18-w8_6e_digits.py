"""A detector's backbone and neck learn from digit scenes without labels.

The same idea as cosinemap_dinov3-r50_100e_unlabeled2017.py, small enough to be tried. The
teacher is a tiny ViT of timm; give it weights that know digits:

    python tools/train.py configs/no_labels/cosinemap_vit-r18-w8_6e_digits.py \
        --cfg-options custom_hooks.0.teacher.checkpoint=FILE

Data: the training images of `python -m ckd_mm.datasets.digits`, without their
annotations. The student is that of configs/mmdet/digits. faster-rcnn_r18-w8_digits_from-vit.py
fine-tunes it. Ours: not run yet; without a file the teacher has random weights.
"""

_base_ = '../mmdet/digits/faster-rcnn_r18-w8_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            type='timm',
            model='vit_tiny_patch16_224',
            args=dict(embed_dim=48, depth=3, num_heads=3),
            pretrained=False,
        ),
        distill=dict(
            cosinemap=dict(
                on=dict(student='neck:2', teacher='blocks:-1'),
                loss=dict(type='CosineMapLoss', resize='student'),
            ),
        ),
        student_loss_weight=0,
    )
]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ImageFolderDataset',
        data_root='data/digits/detection/',
        data_prefix=dict(img='train/'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='Resize', scale=(160, 160), keep_ratio=True),
            dict(type='PackDetInputs'),
        ],
    ),
)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
find_unused_parameters = True  # on several GPUs: the heads do not run
