"""The hook: ReviewKD for ImageNet's networks; the pair adds teacher, widths, weight.

Distilling knowledge via knowledge review, arXiv:2104.09044: the four stages of the
backbone and, as the deepest level, the pooled embedding, beside the student's own
cross-entropy at weight 1. The weights are those of megvii-research/mdistiller
(`configs/imagenet`), the width of the fusion that of the authors' code
(dvlab-research/ReviewKD, `ImageNet`): configs/_base_/pairs/. mdistiller's schedule is
the stock one: 100 epochs of 256 images per step, rate 0.1, a tenth from 30, 60 and 90.
Its warm-up of one epoch has no effect: epochs count from 1.

On Places365 all of this is the same, which is ours: no values for it were found.

What differs: mdistiller takes the maps of both models before the ReLU that ends a
stage; here they come after it.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            reviewkd=dict(
                on=[
                    'module:backbone.layer1',
                    'module:backbone.layer2',
                    'module:backbone.layer3',
                    'module:backbone.layer4',
                    'embedding',
                ],
                loss=dict(type='ReviewKDLoss'),
            )
        ),
    )
]
