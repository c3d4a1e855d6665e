"""The student alone: WRN-40-1, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Data and schedule are those of
the CIFAR-100 distillation benchmark.

    python tools/train.py configs/mmpretrain/cifar100/wrn-40-1_240e_cifar100.py

| run | top-1 |
|---|---|
| published | 71.98 |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/wrn-40-1_cifar100.py',
    '../../_base_/datasets/cifar100_weak.py',
    '../../_base_/schedules/cifar_240e_step.py',
    '../../_base_/cifar_runtime.py',
]
