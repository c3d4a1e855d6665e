_base_ = ['./students/faster_rcnn_w8.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=[
            dict(
                config='teachers/faster_rcnn_w16.py',
                checkpoint='work_dirs/faster_rcnn_w16/epoch_12.pth',
                weight=2.0,
            ),
            dict(
                config='teachers/cascade_rcnn_w16.py',
                checkpoint='work_dirs/cascade_rcnn_w16/epoch_20.pth',
            ),
        ],
        distill=dict(
            both=dict(on='roi_logits', loss=dict(type='KDLoss')),
            first=dict(
                on=dict(part='roi_logits', rois='teacher', num_rois=16),
                loss=dict(type='CKDLoss'),
                teacher=0,
            ),
            second=dict(on='rpn_logits', loss=dict(type='KDLoss'), teacher=1),
            listed=dict(on='roi_logits', loss=dict(type='DISTLoss'), teacher=[0, 1]),
        ),
    )
]
