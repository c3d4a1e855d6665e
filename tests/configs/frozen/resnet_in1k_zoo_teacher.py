"""A ShuffleNet of the zoo, with its weights, for a ResNet of an eighth of the width."""

_base_ = ['mmpretrain::resnet/resnet18_8xb32_in1k.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(base_channels=8, stem_channels=8), head=dict(in_channels=64)
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::shufflenet_v1/shufflenet-v1-1x_16xb64_in1k.py'),
        distill=dict(
            dist=dict(
                on='logits',
                loss=dict(type='DISTLoss', beta=2.0, gamma=2.0, temperature=1.0),
            ),
            ckd=dict(on='logits', loss=dict(type='CKDLoss', loss_weight=10.0)),
        ),
    )
]
