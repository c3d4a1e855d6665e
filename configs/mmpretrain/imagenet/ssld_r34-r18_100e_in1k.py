"""SSLD: ResNet-34 -> ResNet-18, ImageNet-1k and images without labels, 100 epochs.

Task: classification, top-1 accuracy (%) on the validation set. Paper: "Beyond
Self-Supervision: A Simple Yet Effective Network Distillation Alternative to Improve
Backbones", arXiv:2103.05959. The JS divergence of student and teacher is the only loss:
no label is read in training. The stock schedule: 256 images of ImageNet-1k per step,
learning rate 0.1, a tenth from 30, 60 and 90.

    tools/dist_train.sh configs/mmpretrain/imagenet/ssld_r34-r18_100e_in1k.py 8 \\
        --cfg-options find_unused_parameters=True  # no loss of the student's own runs

`data/imagenet_unlabelled/` has the images without labels; any folder of images does.
The authors took 4 million of ImageNet-22k that resemble those of ImageNet-1k. A step has
768 of them beside the 256, in about the ratio of both sets. The authors mix both sets in one
loader, train for 360 epochs, and fine-tune on ImageNet-1k; their students are
MobileNetV3-large and ResNet-50-D. The pair, the schedule, weight 1 and no fine-tuning
are ours.

| run | top-1 |
|---|---|
| teacher, the zoo's ResNet-34 | 73.62 |
| student alone, the zoo's ResNet-18 | 69.90 |
| published | none for this pair |
| ours | not run yet |
"""

_base_ = [
    'mmpretrain::resnet/resnet18_8xb32_in1k.py',
    '../../_base_/pairs/r34-r18_in1k.py',
]

custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=_base_.pair.teacher,
        distill=dict(
            ssld=dict(
                data='both',
                on='logits',
                loss=dict(type='JSLoss', temperature=1.0),
            ),
        ),
        student_loss_weight=0.0,
        unlabelled=dict(
            dataloader=dict(
                batch_size=96,
                num_workers=5,
                persistent_workers=True,
                dataset=dict(
                    type='ImageFolderDataset',
                    data_root='data/imagenet_unlabelled/',
                    pipeline=_base_.train_pipeline,
                ),
            ),
        ),
    )
]
del _base_.pair
