_base_ = ['mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py']


small = dict(embed_dims=64, num_heads=4)
ffn = dict(embed_dims=64, feedforward_channels=64)
model = dict(
    num_queries=20,
    backbone=dict(depth=18, base_channels=16, stem_channels=16, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128], out_channels=64),
    encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=small, ffn_cfg=ffn)),
    decoder=dict(
        num_layers=2,
        layer_cfg=dict(self_attn_cfg=small, cross_attn_cfg=small, ffn_cfg=ffn),
    ),
    positional_encoding=dict(num_feats=32),
    bbox_head=dict(embed_dims=64),
)
del small, ffn

