_base_ = ['./students/faster_rcnn_w8.py']  # the stock student, untouched
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/faster_rcnn_w16.py',
            checkpoint='work_dirs/faster_rcnn_w16/epoch_12.pth',
        ),
        distill=dict(
            ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', temperature=0.1)),
        ),
    )
]
