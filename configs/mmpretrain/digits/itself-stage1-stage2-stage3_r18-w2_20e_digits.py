"""Its deeper layers: classification of digits, ResNet-18 of width 2, 20 epochs.

Classifiers behind the first three stages learn the logits of the last layer, as in "Be
Your Own Teacher", arXiv:1905.08094. They are OFA's branches, with OFA's loss of logits
and weight 1; the paper's have losses of their own, one of feature maps among them.

    python tools/train.py configs/mmpretrain/digits/itself-stage1-stage2-stage3_r18-w2_20e_digits.py

Published: none, the data set is ours. Ours: benchmarks/results/alone_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(itself=True),
        distill=dict(
            stage1=dict(
                on=dict(student='backbone.layer1', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=1),
            ),
            stage2=dict(
                on=dict(student='backbone.layer2', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=2),
            ),
            stage3=dict(
                on=dict(student='backbone.layer3', teacher='logits'),
                loss=dict(type='OFABranchLoss', stage=3),
            ),
        ),
    )
]
