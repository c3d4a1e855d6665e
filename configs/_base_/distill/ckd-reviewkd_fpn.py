"""The hook: CKD on RoI logits with ReviewKD on the FPN; the pair adds the teacher.

The way CKD's authors train all their detectors, arXiv:2404.14109: CKD on all RoIs that
one GPU samples, background included, temperature 1, weight 0.1, and ReviewKD
(arXiv:2104.09044) as in reviewkd_fpn.py. So what CKD adds is seen beside the reviewkd_
config of the pair, from which this differs in CKD alone.

What differs: the authors run the student's RoI head a second time for CKD, we do not.
"""

_base_ = './reviewkd_fpn.py'

_base_.custom_hooks[0].distill.ckd = dict(
    on='roi_logits', loss=dict(type='CKDLoss', temperature=1.0, loss_weight=0.1)
)
