"""DIST: ResNet-34 -> ResNet-18, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2205.10536.
beta 2, gamma 2, temperature 1: the paper's values for ImageNet. The correlation over
the samples of a class sees the 32 images of one GPU.

    tools/dist_train.sh configs/mmpretrain/imagenet/dist_r34-r18_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, the zoo's ResNet-18 | 69.90 (in the papers 69.75) |
| published | 72.07 |
| ours | not run yet |
"""

_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
        distill=dict(
            dist=dict(
                on='logits',
                loss=dict(
                    type='DISTLoss',
                    beta=2.0,
                    gamma=2.0,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
