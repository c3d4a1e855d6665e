_base_ = ['mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py']

model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=32, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8]),
        img_size=64,
        window_size=2,
    ),
    head=dict(in_channels=256),
)
