"""The same network, trained before, as teacher."""

_base_ = './students/faster_rcnn_w8_seesaw.py'
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='students/faster_rcnn_w8_seesaw.py',
            checkpoint='work_dirs/seesaw/epoch_12.pth',
        ),
        distill=dict(
            objects=dict(on='roi_logits', loss=dict(type='KDLoss', temperature=2.0)),
            objectness=dict(on='roi_objectness', loss=dict(type='KDLoss')),
        ),
    )
]
