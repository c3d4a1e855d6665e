"""KD: ResNet-34 -> ResNet-18, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:1503.02531.
Temperature 1, and 0.5 for the KL divergence as for the student's cross-entropy: the
values for this pair in megvii-research/mdistiller (`configs/imagenet/r34_r18/kd.yaml`),
whose other settings are the stock ones (100 epochs, steps at 30, 60 and 90) at twice
the batch and the learning rate. The 0.9 and 0.1 at temperature 4 that are often seen
belong to CIFAR-100.

    tools/dist_train.sh configs/mmpretrain/imagenet/kd_r34-r18_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, the zoo's ResNet-18 | 69.90 (in the papers 69.75) |
| published | 71.03 |
| ours | not run yet |
"""

_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
        distill=dict(
            kd=dict(
                on='logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.5),
            )
        ),
        student_loss_weight=0.5,
    )
]
