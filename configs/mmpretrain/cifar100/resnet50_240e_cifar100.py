"""The teacher: ResNet-50, CIFAR-100, 240 epochs.

Task: classification, top-1 accuracy (%) on the test set. Data and schedule are those of
the CIFAR-100 distillation benchmark. The public weights of the benchmark fit after
`tools/convert_mdistiller.py SRC DST --model ResNet50`.

    python tools/train.py configs/mmpretrain/cifar100/resnet50_240e_cifar100.py

| run | top-1 |
|---|---|
| published | 79.34 |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/resnet50_cifar100.py',
    '../../_base_/datasets/cifar100_weak.py',
    '../../_base_/schedules/cifar_240e_step.py',
    '../../_base_/cifar_runtime.py',
]
