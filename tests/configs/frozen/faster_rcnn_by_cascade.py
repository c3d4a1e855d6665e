_base_ = './students/faster_rcnn_w8.py'
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/cascade_rcnn_w16.py',
            checkpoint='work_dirs/cascade_rcnn_w16/epoch_20.pth',
        ),
        distill=dict(
            dist=dict(
                on=dict(part='roi_logits', teacher_stage='average'),
                loss=dict(type='DISTLoss'),
            ),
            kd=dict(
                on=dict(part='roi_logits', teacher_stage=1), loss=dict(type='KDLoss')
            ),
            ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', loss_weight=0.1)),
            boxes=dict(
                on=dict(part='roi_boxes', teacher_stage='last'),
                loss=dict(type='BoxRegressionLoss', loss_weight=0.5),
            ),
        ),
    ),
]
