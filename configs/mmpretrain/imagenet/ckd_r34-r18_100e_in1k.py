"""CKD: ResNet-34 -> ResNet-18, ImageNet-1k, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: arXiv:2404.14109.
The authors' weight 10 and temperature 1, on the schedule that all methods here share
(the stock one: 256 images per step, 100 epochs). Their own is
ckd_r34-r18_cosine-200e_in1k.py. The rows that a row is contrasted with are the other
images of its GPU.

    tools/dist_train.sh configs/mmpretrain/imagenet/ckd_r34-r18_100e_in1k.py 8

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 (in the papers 73.31) |
| student alone, the zoo's ResNet-18 | 69.90 (in the papers 69.75) |
| published | not found |
| ours | not run yet |
"""

_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
        distill=dict(
            ckd=dict(
                on='logits',
                loss=dict(type='CKDLoss', temperature=1.0, loss_weight=10.0),
            )
        ),
    )
]
