_base_ = './students/rpn_w8.py'
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='students/rpn_w8.py', checkpoint='work_dirs/rpn_w8/epoch_12.pth'
        ),
        distill=dict(
            rpn=dict(on='rpn_logits', loss=dict(type='KDLoss', temperature=1.0)),
            boxes=dict(on='rpn_boxes', loss=dict(type='BoxRegressionLoss')),
            dense=dict(
                on=dict(part='dense_logits', activation='binary'),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
        ),
    )
]
