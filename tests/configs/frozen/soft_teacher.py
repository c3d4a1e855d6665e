"""The student inside SoftTeacher; the teacher is the student of an earlier run."""

_base_ = [
    'mmdet::soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py'
]
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

model = dict(
    detector=dict(
        backbone=dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None),
        neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
        rpn_head=dict(in_channels=32, feat_channels=32),
        roi_head=dict(
            bbox_roi_extractor=dict(out_channels=32),
            bbox_head=dict(in_channels=32, fc_out_channels=32),
        ),
        train_cfg=dict(
            rpn_proposal=dict(nms_pre=100, max_per_img=50),
            rcnn=dict(sampler=dict(num=32)),
        ),
    )
)
custom_hooks = [
    dict(type='MeanTeacherHook'),
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/faster_rcnn_w16.py',
            checkpoint='work_dirs/soft_teacher_w16/iter_180000.pth',
            prefix='teacher.',
        ),
        distill=dict(
            ckd=dict(on='roi_logits', loss=dict(type='CKDLoss', temperature=0.1)),
            fitnet=dict(
                on='module:neck.fpn_convs.0',
                loss=dict(type='FitNetLoss', student_channels=32, teacher_channels=64),
            ),
        ),
    ),
]
