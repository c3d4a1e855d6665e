"""The hook: CWD on all levels of an FPN; the pair adds the teacher.

Channel-wise distillation, arXiv:2011.13256, at temperature 1 and weight 10 on five
levels, as in the FPN configs of open-mmlab/mmrazor 1.x for Faster R-CNN and RetinaNet,
R101 -> R50 (`cwd_fpn_frcnn_r101_frcnn_r50_1x_coco.py` and the one of RetinaNet). No
result is published for these. Weight 5 is that of mmrazor 0.x on the class maps of GFL
(41.9 AP), and of pppppM/mmdetection-distiller on four levels of an FPN.
"""

custom_hooks = [
    dict(
        type='DistillationHook',
        distill=dict(
            cwd=dict(
                on='neck', loss=dict(type='CWDLoss', temperature=1.0, loss_weight=10.0)
            )
        ),
    )
]
