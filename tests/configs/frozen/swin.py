_base_ = ['mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

small = dict(
    embed_dims=16,
    depths=[1, 1, 1, 1],
    num_heads=[1, 2, 4, 8],
)
model = dict(
    backbone=dict(arch=dict(_delete_=True, **small), img_size=64, window_size=2, drop_path_rate=0.0),
    head=dict(in_channels=128),
)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/swin_d32_in1k.py',
            checkpoint='work_dirs/swin_d32/epoch_300.pth',
            dtype='bfloat16',
        ),
        distill=dict(
            ckd=dict(on='logits', loss=dict(type='CKDLoss', loss_weight=10.0)),
            dkd=dict(on='logits', loss=dict(type='DKDLoss', beta=2.0)),
            fitnet=dict(
                on='backbone',
                loss=dict(
                    type='FitNetLoss', student_channels=128, teacher_channels=256
                ),
            ),
        ),
    )
]
del small
