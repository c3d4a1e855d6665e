"""VGG-13 -> Half MobileNetV2 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: the beta
of `configs/cifar100/dkd/vgg13_mv2.yaml` in megvii-research/mdistiller. The teacher is
the benchmark's public vgg13 after `tools/convert_mdistiller.py` (docs/models.md).

ReviewKD: layers and widths by its authors (dvlab-research/ReviewKD, `CIFAR-100`); for
this pair their script has no weight, 5 is that of most others.

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/cifar100/CAT_KD/vgg13_mv2.yaml`).
"""

pair = dict(
    students={
        '240e': 'mmpretrain/cifar100/mobilenetv2_240e_cifar100.py',
        '480e': 'mmpretrain/cifar100/mobilenetv2_480e_cifar100.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/vgg13_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/vgg13.pth',
    ),
    ckd=dict(temperature=2.0, loss_weight=50.0),
    dkd=dict(beta=6.0),
    catkd=dict(size=2, normalize=True, loss_weight=15.0),
    reviewkd=dict(
        on=[
            'module:backbone.layer2',
            'module:backbone.layer3',
            dict(student='backbone.layer5', teacher='backbone.layer4'),
            dict(student='backbone.layer7', teacher='backbone.layer5'),
            'embedding',
        ],
        loss=dict(
            mid_channels=512,
            loss_weight=5.0,
        ),
    ),
)
