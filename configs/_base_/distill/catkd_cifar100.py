"""The hook: CAT-KD for CIFAR-100's networks; the pair adds the teacher and the weight.

Class attention transfer, arXiv:2304.12777: the mean squared error of class activation
maps of 2 x 2 or 4 x 4 positions, beside the student's own cross-entropy at weight 1.
The authors (GzyAftermath/CAT-KD) set size, normalisation and weight for each pair of
networks: configs/_base_/pairs/. Their schedule is that of the benchmark.

What differs: their classifiers are 1 x 1 convolutions in front of the pooling, without
a bias. Here the networks are the benchmark's, and the maps are without the bias.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            catkd=dict(on='cam', loss=dict(type='CATKDLoss')),
        ),
    )
]
