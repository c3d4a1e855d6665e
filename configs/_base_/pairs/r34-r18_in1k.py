"""ResNet-34 -> ResNet-18 on ImageNet: the teacher, and what is set for this pair.

The teacher is MMPretrain's, 73.62; the papers' is torchvision's, 73.31. DKD: the beta
of `configs/imagenet/r34_r18/dkd.yaml` in megvii-research/mdistiller.

ReviewKD: weight and widths of `configs/imagenet/r34_r18/reviewkd.yaml` there, width of
the fusion of its authors' code (dvlab-research/ReviewKD, `ImageNet`).

CAT-KD: size and weight by its authors (GzyAftermath/CAT-KD,
`configs/imagenet/CAT-KD/r34_r18.yaml`).
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
pair = dict(
    students={
        '100e': 'mmpretrain::resnet/resnet18_8xb32_in1k.py',
        'cosine-200e': 'mmpretrain/imagenet/resnet18_cosine-200e_in1k.py',
    },
    teacher=dict(config='mmpretrain::resnet/resnet34_8xb32_in1k.py'),
    dkd=dict(beta=0.5),
    catkd=dict(size=4, normalize=False, loss_weight=0.5),
    reviewkd=dict(
        mid_channels=512,
        loss_weight=1.0,
    ),
)
