"""The hook: CKD on RoI logits with CrossKD's RoIs; the pair adds the teacher.

CrossKD through the RoI heads, arXiv:2306.11369, as in crosskd-boxes_roi.py, and CKD
on the logits of the student's own head, arXiv:2404.14109, as in ckd_roi.py. So what CKD
adds is seen beside the crosskd-boxes_ config of the pair.

What differs: no paper joins the two; the sum is ours, with the values that each has
alone.
"""

_base_ = './crosskd-boxes_roi.py'

_base_.custom_hooks[0].distill.ckd = dict(
    on='roi_logits', loss=dict(type='CKDLoss', temperature=1.0, loss_weight=0.1)
)
