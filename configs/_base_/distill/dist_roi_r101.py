"""The hook: DIST on RoI logits from the zoo's Faster R-CNN R101 2x (box AP 39.8).

Correlation of predictions, arXiv:2205.10536, on all sampled RoIs, background included.
The paper distils these logits as well, but its values for detection were not found in a
source that could be read; here are the defaults of the authors' code, beta 1, gamma 1
and temperature 1 (their ImageNet runs use 2, 2 and 1).

The teacher is the same for 1x and 2x students, so that those differ in their schedule
alone. It saw one image scale, as they do; the zoo's ms-3x (41.8) saw many.
"""

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(config='mmdet::faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'),
        distill=dict(
            dist=dict(
                on='roi_logits',
                loss=dict(
                    type='DISTLoss',
                    beta=1.0,
                    gamma=1.0,
                    temperature=1.0,
                    loss_weight=1.0,
                ),
            )
        ),
    )
]
