"""ResNet-50 of the CIFAR-100 distillation benchmark: 23.71 M parameters.

MMPretrain's network for CIFAR. As in the benchmark, the residual branches do not start
at zero.
"""

_base_ = 'mmpretrain::_base_/models/resnet50_cifar.py'

model = dict(
    backbone=dict(zero_init_residual=False),
    head=dict(
        num_classes=100,
        topk=(1, 5),
        init_cfg=None,  # PyTorch's, as in the benchmark
    ),
)
