_base_ = ['mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

width = 32
attention = dict(embed_dims=width, num_heads=4)
ffn = dict(embed_dims=width, feedforward_channels=width)
_base_.model.data_preprocessor.batch_augments[0].size = (128, 128)
model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
    panoptic_head=dict(
        in_channels=[8, 16, 32, 64],
        feat_channels=width,
        out_channels=width,
        num_queries=12,
        pixel_decoder=dict(
            encoder=dict(
                num_layers=1,
                layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn),
            ),
            positional_encoding=dict(num_feats=width // 2),
        ),
        positional_encoding=dict(num_feats=width // 2),
        transformer_decoder=dict(
            num_layers=2,
            layer_cfg=dict(
                self_attn_cfg=attention, cross_attn_cfg=attention, ffn_cfg=ffn
            ),
        ),
    ),
    train_cfg=dict(num_points=256),
)
del width, attention, ffn

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/mask2former_w64.py',
            checkpoint='work_dirs/mask2former_w64/iter_368750.pth',
        ),
        distill=dict(
            ckd=dict(on='query_logits', loss=dict(type='CKDLoss', temperature=0.1)),
            masks=dict(
                on=dict(
                    part='mask_logits', topk=5, mask_cost=5, activation='binary'
                ),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
        ),
    )
]
