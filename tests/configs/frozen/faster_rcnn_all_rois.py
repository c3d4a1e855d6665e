"""Everything that two Faster R-CNNs can be compared by, as the inspection tool says."""

_base_ = ['./students/faster_rcnn_w8.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/faster_rcnn_w16.py',
            checkpoint='work_dirs/faster_rcnn_w16/epoch_12.pth',
        ),
        distill=dict(
            ckd=dict(
                on=dict(part='roi_logits', background_ratio=1.0),
                loss=dict(
                    type='CKDLoss',
                    temperature=0.1,
                    loss_weight=1.0,
                    anchor='both',
                    same_class_negatives=False,
                ),
            ),
            own_proposals=dict(
                on=dict(part='roi_logits', rois='proposals', num_rois=32),
                loss=dict(type='CKDLoss', per_image=True, block_size=16),
            ),
            teacher_proposals=dict(
                on=dict(part='embedding', rois='teacher', num_rois=32),
                loss=dict(type='RKDLoss'),
            ),
            dkd=dict(
                on='roi_logits',
                loss=dict(type='DKDLoss', alpha=1.0, beta=0.25, temperature=1.0),
            ),
            dist=dict(on='roi_logits', loss=dict(type='DISTLoss', beta=1.0, gamma=1.0)),
            embedding=dict(
                on='embedding',
                loss=dict(
                    type='FitNetLoss', student_channels=[32], teacher_channels=[64]
                ),
            ),
            boxes=dict(on='roi_boxes', loss=dict(type='BoxRegressionLoss')),
            rpn=dict(on='rpn_logits', loss=dict(type='KDLoss', temperature=1.0)),
            rpn_assigned=dict(
                on=dict(part='rpn_logits', rows='assigned', topk=64),
                loss=dict(type='KDLoss', temperature=1.0),
            ),
            rpn_boxes=dict(
                on=dict(part='rpn_boxes', topk=64), loss=dict(type='BoxRegressionLoss')
            ),
        ),
    )
]
