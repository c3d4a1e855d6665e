"""SSLD: digits with a tenth of the labels, ResNet-18 of width 16 -> 2, 190 epochs.

Paper: arXiv:2103.05959: the JS divergence of student and teacher alone, with the labels
of no image. Temperature 1 is that of the divergence; weight 1 is ours.

The 1,080 images beside the labelled ones are read without their labels, 64 in each
iteration. The teacher is that of all labels.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ssld_r18-w16-r18-w2_190e_digits-tenth.py

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
            ssld=dict(
                data='both',
                on='logits',
                loss=dict(type='JSLoss', temperature=1.0),
            ),
        ),
        student_loss_weight=0.0,
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
