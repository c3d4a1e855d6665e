"""A student with a distillation token on the digit images: ViT of width 64, 20 epochs.

    python tools/train.py configs/mmpretrain/digits/deit-w64_digits.py

MMPretrain's DistilledVisionTransformer with four blocks and patches of 4 x 4 pixels, from
random weights. Data: configs/_base_/digits_classification.py. AdamW as in DeiT's
recipe, without its augmentation. Alone, the classifier of its distillation token stays
zero. Ours:
benchmarks/results/digits_tokens_and_averages.md.
"""

_base_ = '../../_base_/digits_classification.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True,
        type='DistilledVisionTransformer',
        arch=dict(embed_dims=64, num_layers=4, num_heads=4, feedforward_channels=128),
        img_size=16,
        patch_size=4,
    ),
    neck=None,
    head=dict(
        _delete_=True,
        type='DistilledViTHead',
        num_classes=10,
        in_channels=64,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
    ),
)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05)
)
