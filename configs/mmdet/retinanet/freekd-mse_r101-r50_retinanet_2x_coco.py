"""FreeKD on FPN levels: RetinaNet R101 -> R50, COCO, 2x (24 epochs).

Task: box detection on COCO 2017, box AP on val2017. Paper: arXiv:2311.12079. Teacher,
student, schedule, clipping, learning rate 0.02 for 16 images, warm-up of 1000 iterations,
and the squared error beside it with weight 5 are those of the authors' config of this
pair (Gumpest/FreeKD), whose student starts from ImageNet. Their masks of trained tokens
and their loss of the head's box deltas are not here. The base of that config never
flips images; a copy of it that they ship does, as here.

    tools/dist_train.sh configs/mmdet/retinanet/freekd-mse_r101-r50_retinanet_2x_coco.py 8

| run | box AP |
|---|---|
| teacher, the zoo's R101 2x | 38.9 |
| student alone, the zoo's R50 2x | 37.4 |
| published, with masks and the loss of box deltas | 39.9 |
| ours | not run yet |
"""

_base_ = 'mmdet::retinanet/retinanet_r50_fpn_2x_coco.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::retinanet/retinanet_r101_fpn_2x_coco.py'),
        distill=dict(
            freekd=dict(on='neck', loss=dict(type='FreeKDLoss')),
            mse=dict(
                on='neck',
                loss=dict(type='FitNetLoss', norm=False, relu=False, loss_weight=5.0),
            ),
        ),
    )
]
optim_wrapper = dict(
    optimizer=dict(lr=0.02),
    clip_grad=dict(max_norm=35, norm_type=2),
)
_base_.param_scheduler[0].end = 1000  # the warm-up
