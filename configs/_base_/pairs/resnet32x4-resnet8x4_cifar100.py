"""ResNet-32x4 -> ResNet-8x4 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: its beta
for CIFAR-100, which `configs/cifar100/dkd/res32x4_res8x4.yaml` of
megvii-research/mdistiller leaves as it is. The teacher is the benchmark's public
resnet32x4 after `tools/convert_mdistiller.py` (docs/models.md).

ReviewKD: layers, widths and weight by its authors (dvlab-research/ReviewKD,
`CIFAR-100`).

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/cifar100/CAT_KD/res32x4_res8x4.yaml`).
"""

pair = dict(
    students={
        '240e': 'mmpretrain/cifar100/resnet8x4_240e_cifar100.py',
        '480e': 'mmpretrain/cifar100/resnet8x4_480e_cifar100.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/resnet32x4_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/resnet32x4.pth',
    ),
    ckd=dict(temperature=1.0, loss_weight=100.0),
    dkd=dict(beta=8.0),
    catkd=dict(size=2, normalize=False, loss_weight=15.0),
    reviewkd=dict(
        on=[
            'module:backbone.layer1',
            'module:backbone.layer2',
            'module:backbone.layer3',
            'embedding',
        ],
        loss=dict(
            mid_channels=256,
            loss_weight=5.0,
        ),
    ),
)
