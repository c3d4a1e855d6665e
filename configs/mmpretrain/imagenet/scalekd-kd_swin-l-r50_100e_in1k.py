"""ScaleKD: Swin-L -> ResNet-50, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2411.06786.
Weights, heads and sizes of the queries are those of the authors' config of their
"traditional" strategy (`swin-l_distill_res50_img_s3_s4.py` of deep-optimization/ScaleKD):
the last two stages, and KD at temperature 1, half of it and half of the student's loss.
Their student has SyncBN: `--cfg-options model.backbone.norm_cfg.type=SyncBN`. The stock schedule: 256 images per step, learning rate
0.1, a tenth from 30, 60 and 90. Their numbers are of another one, over 300 and 600
epochs with strong augmentation (82.03 and 82.55).

    tools/dist_train.sh configs/mmpretrain/imagenet/scalekd-kd_swin-l-r50_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's Swin-L | 86.24 |
| student alone, the zoo's ResNet-50 | 76.55 |
| published | not found |
| ours | not run yet |
"""

_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::swin_transformer/swin-large_16xb64_in1k.py'),
        distill=dict(
            scalekd=dict(
                on='last_stages',
                loss=dict(
                    type='ScaleKDLoss',
                    num_heads=[16, 24],
                    query_hw=[(14, 14), (7, 7)],
                    through_teacher=True,
                ),
            ),
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
            ),
        ),
        student_loss_weight=0.5,
    )
]
