"""The hook: localisation distillation of GFL with KD; the pair adds the teacher.

ArXiv:2102.12252 as in ld_gfl.py, and KD of the class logits of the 256 anchors per
image where the teacher is surest, so that classes are distilled beside boxes. The
softmax over logits that have a sigmoid each says which class it is, not whether there
is one. The choice of anchors, temperature 1 and weight 1 of KD are ours, not run.
"""

_base_ = './ld_gfl.py'

_base_.custom_hooks[0].distill.kd = dict(
    on=dict(part='dense_logits', activation='softmax'),
    loss=dict(type='KDLoss', temperature=1.0, loss_weight=1.0),
)
