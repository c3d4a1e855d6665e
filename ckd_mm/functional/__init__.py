"""The mathematics of every loss and statistic, as pure functions of tensors.

For whoever writes a training loop of their own, and for :mod:`ckd_mm.losses`, whose
modules hold the hyper-parameters. Nothing here imports more than torch.
"""

from __future__ import annotations

from ckd_mm.functional.ckd import ckd_loss
from ckd_mm.functional.dist import dist_loss
from ckd_mm.functional.dkd import dkd_loss
from ckd_mm.functional.kd import kd_loss
from ckd_mm.functional.statistics import retrieval_accuracy, top1_agreement

__all__ = [
    'ckd_loss',
    'dist_loss',
    'dkd_loss',
    'kd_loss',
    'retrieval_accuracy',
    'top1_agreement',
]
