"""DKD: ResNet-34 -> ResNet-18, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2203.08679.
alpha 1, beta 0.5, temperature 1: the authors' values for this pair
(megvii-research/mdistiller, `configs/imagenet/r34_r18/dkd.yaml`), whose other settings
are the stock ones at twice the batch and the learning rate. Their warm-up of one epoch
has no effect: epochs count from 1.

    tools/dist_train.sh configs/mmpretrain/imagenet/dkd_r34-r18_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, the zoo's ResNet-18 | 69.90 (in the papers 69.75) |
| published | 71.70 |
| ours | not run yet |
"""

_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
        distill=dict(
            dkd=dict(
                on='logits',
                loss=dict(
                    type='DKDLoss',
                    alpha=1.0,
                    beta=0.5,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
