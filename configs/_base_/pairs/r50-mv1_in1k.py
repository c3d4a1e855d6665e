"""ResNet-50 -> MobileNetV1 on ImageNet: the teacher, and what is set for this pair.

The teacher is MMPretrain's, 76.55; the papers' is torchvision's, 76.16. DKD: the beta
of `configs/imagenet/r50_mv1/dkd.yaml` in megvii-research/mdistiller.

ReviewKD: weight and widths of `configs/imagenet/r50_mv1/reviewkd.yaml` there, width of
the fusion of its authors' code (dvlab-research/ReviewKD, `ImageNet`).

CAT-KD: size and weight of its authors for ResNet-50 -> MobileNetV2 (GzyAftermath/CAT-KD,
`configs/imagenet/CAT-KD/r50_mv2.yaml`).
"""

pair = dict(
    students={
        '100e': 'mmpretrain/imagenet/mobilenet-v1_100e_in1k.py',
        'cosine-200e': 'mmpretrain/imagenet/mobilenet-v1_cosine-200e_in1k.py',
    },
    teacher=dict(config='mmpretrain::resnet/resnet50_8xb32_in1k.py'),
    dkd=dict(beta=2.0),
    catkd=dict(size=2, normalize=True, loss_weight=10.0),
    reviewkd=dict(
        mid_channels=256,
        loss_weight=8.0,
    ),
)
