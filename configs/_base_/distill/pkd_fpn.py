"""The hook: PKD on four levels of an FPN; the pair adds the teacher.

Pearson correlation of feature maps, arXiv:2207.02039, on the four finest levels, as in
all five configs of its authors (open-mmlab/mmrazor, `configs/distill/mmdet/pkd`):
without the last of a one-stage detector's five, without the pooled one of a two-stage
detector. Weight 6 is theirs for Faster R-CNN R101 -> R50 and Mask R-CNN Swin ->
RetinaNet R50. They have 10 for RetinaNet X101 -> R50, FCOS X101 -> RetinaNet R50 and
RepPoints: a pair that has one of these says so. Widths and strides of the two necks
must agree, heads need not.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            pkd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(type='PKDLoss', loss_weight=6.0),
            )
        ),
    )
]
