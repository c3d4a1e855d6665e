_base_ = ['mmdet::deformable_detr/deformable-detr_r50_16xb2-50e_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

small = dict(embed_dims=32)
ffn = dict(embed_dims=32, feedforward_channels=32)
model = dict(
    num_queries=12,
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64], out_channels=32),
    encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=small, ffn_cfg=ffn)),
    decoder=dict(
        num_layers=2,
        layer_cfg=dict(self_attn_cfg=small, cross_attn_cfg=small, ffn_cfg=ffn),
    ),
    positional_encoding=dict(num_feats=16),
    bbox_head=dict(embed_dims=32),
)
del small, ffn

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/deformable_detr_d64.py',
            checkpoint='work_dirs/deformable_detr_d64/epoch_50.pth',
        ),
        distill=dict(
            ckd=dict(
                on='query_logits',
                loss=dict(type='CKDLoss', temperature=0.1, loss_weight=1.0),
            ),
            bckd=dict(
                on=dict(part='query_logits', topk=8, activation='binary'),
                loss=dict(type='KDLoss', temperature=1.0),
                schedule=dict(every=2),
            ),
        ),
    )
]
