"""The hook: KD on RoI logits from the zoo's Faster R-CNN R101 2x (box AP 39.8).

Knowledge distillation, arXiv:1503.02531, KL divergence of the class probabilities of
all sampled RoIs, background included: temperature 1, as is usual on RoIs, beside the
student's own losses at full weight. The paper has no detection; the weight 1 is our
choice.

The teacher is the same for 1x and 2x students, so that those differ in their schedule
alone. It saw one image scale, as they do; the zoo's ms-3x (41.8) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
        distill=dict(
            kd=dict(
                on='roi_logits',
                loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
            )
        ),
    )
]
