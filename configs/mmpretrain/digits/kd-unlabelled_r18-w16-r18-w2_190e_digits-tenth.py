"""KD with unlabelled images: digits with a tenth of the labels, ResNet-18 of width 16 -> 2, 190 epochs.

Paper: arXiv:1503.02531; temperature 4, weight 0.9 and 0.1 for the student's own loss,
as on CIFAR-100 in the CRD and mdistiller benchmarks. KD on both batches is ours.

The 1,080 images beside the labelled ones are read without their labels, 64 in each
iteration. The teacher is that of all labels.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/kd-unlabelled_r18-w16-r18-w2_190e_digits-tenth.py

Published: none, the data set is ours. Ours:
benchmarks/results/unlabelled_digits.md.
"""

_base_ = './resnet18-w2_digits-tenth.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            kd=dict(
                data='both',
                on='logits',
                loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9),
            ),
        ),
        student_loss_weight=0.1,
        unlabelled=dict(
            dataloader=dict(
                batch_size=64,
                num_workers=0,
                dataset=dict(
                    type='ImageFolderDataset',
                    data_root='data/digits/classification/train',
                    indices=[number for number in range(1201) if number % 10],
                    pipeline=_base_.train_pipeline,
                ),
            ),
        ),
    )
]
