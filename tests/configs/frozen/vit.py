"""DeiT-tiny of two layers, from a ResNet."""

_base_ = ['mmpretrain::deit/deit-tiny_4xb256_in1k.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64
        ),
        img_size=64,
    ),
    head=dict(in_channels=32),
)
custom_hooks = [
    *_base_.get('custom_hooks', []),
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_in1k.py',
            checkpoint='work_dirs/resnet18_w16_in1k/epoch_100.pth',
            channels_last=True,
        ),
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss', temperature=1.0)),
            ckd=dict(on='logits', loss=dict(type='CKDLoss')),
            rkd=dict(on='embedding', loss=dict(type='RKDLoss')),
        ),
        student_loss_weight=dict(loss=0.5),
    ),
]
