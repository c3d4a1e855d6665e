"""As faster_rcnn.py, with another temperature and a second term."""

_base_ = './faster_rcnn.py'

_base_.custom_hooks[0].distill.ckd.loss.temperature = 1.0
_base_.custom_hooks[0].distill.kd = dict(
    on='roi_logits', loss=dict(type='KDLoss'), schedule=dict(end=8, decay=2)
)
