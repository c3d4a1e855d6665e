"""The hook: ReviewKD on the FPN of Faster and Mask R-CNN; the pair adds the teacher.

Distilling knowledge via knowledge review, arXiv:2104.09044, with the values of the
authors' detection code (dvlab-research/ReviewKD, `Detection`): all five levels, 256
channels in both models and in the fusion, beside the student's own losses at full
weight. They set the weight for each pair: configs/_base_/pairs/.

What differs: the authors train for 180k iterations with 8 images, which is 1x, from
detectron2's teachers. The hook reads the widths of both FPNs.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            reviewkd=dict(
                on='neck',
                loss=dict(
                    type='ReviewKDLoss',
                    mid_channels=256,
                ),
            )
        ),
    )
]
