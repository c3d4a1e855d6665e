"""The hook: localisation distillation of GFL with KD; the pair adds the teacher.

ArXiv:2102.12252 as in ld_gfl.py, and KD of the class logits of the 256 places of each
image where the teacher is surest, so that classes are distilled beside boxes. Places,
temperature 1 and weight 1 of KD are our choice, not run.
"""

_base_ = './ld_gfl.py'

_base_.custom_hooks[0].distill.kd = dict(
    on='dense_logits', loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0)
)
