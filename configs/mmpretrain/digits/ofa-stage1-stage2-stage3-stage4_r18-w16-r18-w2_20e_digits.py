"""OFA with branches: classification of digits, ResNet-18 of width 16 -> 2, 20 epochs.

Paper: arXiv:2310.19444, its loss of logits and a branch at each stage, all with weight 1
beside the student's own loss; epsilon 1.5, the strongest of the paper, because at 1 the
labels cancel out. The authors' width, that of the teacher's last stage.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/ofa-stage1-stage2-stage3-stage4_r18-w16-r18-w2_20e_digits.py

Published: none, the data set is ours. Ours:
benchmarks/results/digits_features.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            ofa=dict(on='logits', loss=dict(type='OFALoss', epsilon=1.5)),
            stage1=dict(
                on=dict(student='backbone.layer1', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=1, width=128, epsilon=1.5),
            ),
            stage2=dict(
                on=dict(student='backbone.layer2', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=2, width=128, epsilon=1.5),
            ),
            stage3=dict(
                on=dict(student='backbone.layer3', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=3, width=128, epsilon=1.5),
            ),
            stage4=dict(
                on=dict(student='backbone.layer4', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=4, width=128, epsilon=1.5),
            ),
        ),
    )
]
