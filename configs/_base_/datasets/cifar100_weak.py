"""CIFAR-100 as the distillation benchmark has it: crops and flips, batches of 64.

The stock data set, which downloads itself to data/cifar100. Mean and standard deviation
are the benchmark's; images are padded by 4 black pixels before they are cropped.
"""

_base_ = 'mmpretrain::_base_/datasets/cifar100_bs16.py'

data_preprocessor = dict(
    mean=[0.5071 * 255, 0.4867 * 255, 0.4408 * 255],
    std=[0.2675 * 255, 0.2565 * 255, 0.2761 * 255],
)

train_dataloader = dict(batch_size=64)
val_dataloader = dict(batch_size=64)
test_dataloader = val_dataloader
