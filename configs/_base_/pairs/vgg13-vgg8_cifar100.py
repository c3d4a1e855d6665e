"""VGG-13 -> VGG-8 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: the beta
of `configs/cifar100/dkd/vgg13_vgg8.yaml` in megvii-research/mdistiller. The teacher is
the benchmark's public vgg13 after `tools/convert_mdistiller.py` (docs/models.md).

ReviewKD: layers and widths by its authors (dvlab-research/ReviewKD, `CIFAR-100`); for
this pair their script has no weight, 5 is that of most others.

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/cifar100/CAT_KD/vgg13_vgg8.yaml`).
"""

pair = dict(
    students={
        '240e': 'mmpretrain/cifar100/vgg8_240e_cifar100.py',
        '480e': 'mmpretrain/cifar100/vgg8_480e_cifar100.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/vgg13_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/vgg13.pth',
    ),
    ckd=dict(temperature=1.0, loss_weight=100.0),
    dkd=dict(beta=6.0),
    catkd=dict(size=2, normalize=False, loss_weight=4.5),
    reviewkd=dict(
        on=[
            'module:backbone.layer2',
            'module:backbone.layer3',
            'module:backbone.layer4',
            'module:backbone.layer5',
            'embedding',
        ],
        loss=dict(
            mid_channels=512,
            loss_weight=5.0,
        ),
    ),
)
