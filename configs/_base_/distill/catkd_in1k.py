"""The hook: CAT-KD for ImageNet's networks; the pair adds the teacher and the weight.

Class attention transfer, arXiv:2304.12777: the mean squared error of class activation
maps of 4 x 4 or 2 x 2 positions, beside the student's own cross-entropy at weight 1.
Size, normalisation and weight are the authors' (GzyAftermath/CAT-KD):
configs/_base_/pairs/. They train with 512 images per step and learning rate 0.2, which
is the stock schedule for that batch.

What differs: their classifiers are 1 x 1 convolutions in front of the pooling, without
a bias. Here the networks are the zoo's, and the maps are without the bias.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            catkd=dict(on='cam', loss=dict(type='CATKDLoss')),
        ),
    )
]
