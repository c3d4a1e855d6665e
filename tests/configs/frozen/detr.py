_base_ = ['mmdet::detr/detr_r50_8xb2-150e_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

attention = dict(embed_dims=32, num_heads=4)
ffn = dict(embed_dims=32, feedforward_channels=32)
model = dict(
    num_queries=12,
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    neck=dict(in_channels=[64], out_channels=32),
    encoder=dict(
        num_layers=1, layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn)
    ),
    decoder=dict(
        num_layers=2,
        layer_cfg=dict(
            self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn
        ),
    ),
    positional_encoding=dict(num_feats=16),
    bbox_head=dict(embed_dims=32),
)
del attention, ffn

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/detr_d64.py',
            checkpoint='work_dirs/detr_d64/epoch_150.pth',
        ),
        distill=dict(
            ckd=dict(on='query_logits', loss=dict(type='CKDLoss', temperature=0.1)),
            kd=dict(
                on=dict(part='query_logits', topk=10, class_cost=1, box_cost=5),
                loss=dict(type='KDLoss', temperature=2.0),
            ),
        ),
    )
]
