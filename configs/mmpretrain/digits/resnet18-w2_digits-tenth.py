"""The student of the digit images with a tenth of the labels: ResNet-18 of width 2.

    python tools/train.py configs/mmpretrain/digits/resnet18-w2_digits-tenth.py

Every tenth training image is labelled, 121 of 1,201, about 12 of each digit. An epoch
has 2 iterations, so 190 epochs are the 380 iterations of resnet18-w2_digits.py. The
configs that inherit this one add the hook, and most the other images without labels.

Ours: benchmarks/results/unlabelled_digits.md.
"""

_base_ = './resnet18-w2_digits.py'

train_dataloader = dict(dataset=dict(indices=list(range(0, 1201, 10))))
train_cfg = dict(max_epochs=190, val_interval=19)
param_scheduler = dict(T_max=190)
default_hooks = dict(checkpoint=dict(interval=19))
