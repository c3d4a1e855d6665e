"""The student alone: Half MobileNetV2, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Data and schedule are those of
the CIFAR-100 distillation benchmark. Learning rate 0.01, the benchmark's for this
network.

    python tools/train.py configs/mmpretrain/cifar100/mobilenetv2_240e_cifar100.py

| run | top-1 |
|---|---|
| published | 64.60 |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/mobilenetv2_cifar100.py',
    '../../_base_/datasets/cifar100_weak.py',
    '../../_base_/schedules/cifar_240e_step.py',
    '../../_base_/cifar_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=0.01))
