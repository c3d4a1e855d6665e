"""The map of stride 32 learns the direction of DINOv3's patches: RT-DETRv4's idea.

Paper: arXiv:2510.25257. It calls the loss DSI, and the control of its weight GAM.

| | RT-DETRv4 | here |
|---|---|---|
| teacher | DINOv3 ViT-B/16, on the student's images at full size | the same, from timm |
| loss | 1 - cosine, behind a linear layer; patches averaged 2 x 2 | the same |
| student's map | stride 32, behind the encoder of one scale | stride 32 of the neck, or of the backbone |
| weight at the start | 5 (sizes S and M) to 20 | 5 |
| weight later | keeps the encoder's share of all gradient: 11, 3.5, 2, 2 % by size | keeps the term's share at the backbone: 3 % |
| how often | once an epoch | by a running mean |

The share is our choice, and so is the map: MMDetection's zoo has no RT-DETR. No other
value was tried. The shares of the paper are of another quantity, so 3 % is none of
them. docs/schedules.md has the differences of the control.

The teacher is the larger part of the cost. With `input_size=0.5` its maps are as large
as the student's without averaging, and it sees a quarter of the patches;
`dtype='bfloat16'` suits GPUs. Its weights come from the hub and ask for a licence;
`checkpoint=FILE` takes a local file.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
hook = dict(
    type='DistillationHook',
    teacher=dict(type='timm', model='vit_base_patch16_dinov3'),
    distill=dict(
        cosinemap=dict(
            on=dict(student='backbone:-1', teacher='blocks:-1'),
            loss=dict(type='CosineMapLoss', resize='student', loss_weight=5.0),
            schedule=dict(
                type='GradientShare', share=0.03, tolerance=0.0025, of='backbone'
            ),
        ),
    ),
)
