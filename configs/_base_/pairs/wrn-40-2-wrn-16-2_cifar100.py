"""WRN-40-2 -> WRN-16-2 on CIFAR-100: the teacher, and what is set for this pair.

CKD: the authors' weight and temperature for this pair, arXiv:2404.14109. DKD: the beta
of `configs/cifar100/dkd/wrn40_2_wrn_16_2.yaml` in megvii-research/mdistiller. The
teacher is the benchmark's public wrn_40_2 after `tools/convert_mdistiller.py`
(docs/models.md).

ReviewKD: layers, widths and weight by its authors (dvlab-research/ReviewKD,
`CIFAR-100`).

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/cifar100/CAT_KD/wrn_40_2_wrn_16_2.yaml`).
"""

pair = dict(
    students={
        '240e': 'mmpretrain/cifar100/wrn-16-2_240e_cifar100.py',
        '480e': 'mmpretrain/cifar100/wrn-16-2_480e_cifar100.py',
    },
    teacher=dict(
        config='{{ fileDirname }}/../../mmpretrain/cifar100/wrn-40-2_240e_cifar100.py',
        checkpoint='checkpoints/cifar100/wrn-40-2.pth',
    ),
    ckd=dict(temperature=1.0, loss_weight=100.0),
    dkd=dict(beta=6.0),
    catkd=dict(size=2, normalize=False, loss_weight=12.0),
    reviewkd=dict(
        on=[
            'module:backbone.layer1',
            'module:backbone.layer2',
            'module:backbone.layer3',
            'embedding',
        ],
        loss=dict(
            mid_channels=128,
            loss_weight=5.0,
        ),
    ),
)
