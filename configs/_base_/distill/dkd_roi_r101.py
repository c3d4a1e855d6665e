"""The hook: DKD on RoI logits from the zoo's Faster R-CNN R101 2x (box AP 39.8).

Decoupled knowledge distillation, arXiv:2203.08679, on all sampled RoIs; the target is
the class that the assigner gave, background included. The values are those of the
authors' detection code (`detection/model/config.py` in megvii-research/mdistiller):
alpha 1, beta 0.25, temperature 1, weight 1. It has no warm-up there, unlike on
CIFAR-100, and none here.

The teacher is the same for 1x and 2x students, so that those differ in their schedule
alone. It saw one image scale, as they do; the zoo's ms-3x (41.8) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
        distill=dict(
            dkd=dict(
                on='roi_logits',
                loss=dict(
                    type='DKDLoss',
                    alpha=1.0,
                    beta=0.25,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
