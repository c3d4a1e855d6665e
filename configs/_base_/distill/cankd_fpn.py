"""The hook: CanKD on four levels of an FPN; the pair adds the teacher.

Attention from the student's positions to the teacher's and instance-normalised maps,
arXiv:2511.21503, with its authors' values for detectors (tori-hotaru/CanKD,
`configs/distill/mmdet/nlkd`): the four finest levels and weight 5, which is their
`loss_weight=10` with the half in their loss. Widths and strides of the two necks must
agree there; here another width gets a 1 x 1 convolution.

What gave the published numbers beside these: gradients clipped at a norm of 35, and SGD
at 0.005 for 2 GPUs of 2 images, which is 0.02 for 16. The zoo has 0.02 for Faster
R-CNN, but 0.01 for RetinaNet and FCOS; a config that quotes a number has the authors',
or says that it does not. Each pair has two numbers: a plain start, and a student that
starts from the teacher's neck and box head. A config with `inherit` is of the second
kind; without that line it is of the first.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            cankd=dict(
                on=dict(part='neck', levels=[0, 1, 2, 3]),
                loss=dict(type='CanKDLoss', loss_weight=5.0),
            )
        ),
    )
]
