"""VGG-13 -> Half MobileNetV2 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: the beta
of `configs/cifar100/dkd/vgg13_mv2.yaml` in megvii-research/mdistiller. The teacher is
the benchmark's public vgg13 after `tools/convert_mdistiller.py` (docs/models.md).
"""

pair = dict(
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/vgg13_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/vgg13.pth',
    ),
    ckd=dict(temperature=2.0, loss_weight=50.0),
    dkd=dict(beta=6.0),
)
