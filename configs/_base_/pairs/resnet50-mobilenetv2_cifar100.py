"""ResNet-50 -> Half MobileNetV2 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: its beta
for CIFAR-100, which `configs/cifar100/dkd/res50_mv2.yaml` of megvii-research/mdistiller
leaves as it is. The teacher is the benchmark's public ResNet50 after
`tools/convert_mdistiller.py` (docs/models.md).

ReviewKD: layers and widths by its authors (dvlab-research/ReviewKD, `CIFAR-100`); for
this pair their script has no weight, 5 is that of most others.

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/cifar100/CAT_KD/res50_mv2.yaml`).
"""

pair = dict(
    students={
        '240e': 'mmpretrain/cifar100/mobilenetv2_240e_cifar100.py',
        '480e': 'mmpretrain/cifar100/mobilenetv2_480e_cifar100.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/resnet50_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/resnet50.pth',
    ),
    ckd=dict(temperature=1.0, loss_weight=100.0),
    dkd=dict(beta=8.0),
    catkd=dict(size=2, normalize=True, loss_weight=40.0),
    reviewkd=dict(
        on=[
            dict(student='backbone.layer2', teacher='backbone.layer1'),
            dict(student='backbone.layer3', teacher='backbone.layer2'),
            dict(student='backbone.layer5', teacher='backbone.layer3'),
            dict(student='backbone.layer7', teacher='backbone.layer4'),
            'embedding',
        ],
        loss=dict(
            mid_channels=512,
            loss_weight=5.0,
        ),
    ),
)
