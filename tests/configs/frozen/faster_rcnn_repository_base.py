"""On the hook of the repository, which lies beside this folder."""

_base_ = [
    './students/faster_rcnn_w8.py',
    '../ckd_mm/configs/_base_/distill/ckd-reviewkd_fpn.py',
]
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)

_base_.custom_hooks[0].teacher = dict(
    config='teachers/faster_rcnn_w16.py',
    checkpoint='work_dirs/faster_rcnn_w16/epoch_12.pth',
)
_base_.custom_hooks[0].distill.reviewkd.loss.update(
    student_channels=[32] * 5, teacher_channels=[64] * 5, mid_channels=64
)
