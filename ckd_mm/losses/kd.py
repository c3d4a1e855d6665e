"""Hinton's KD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive
from ckd_mm.functional import kd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['KDLoss']


@LOSSES.register_module()
class KDLoss(nn.Module):
    """Divergence of softened probabilities, see :func:`ckd_mm.functional.kd_loss`.

    Args:
        temperature: Divides the logits. 4 is the CIFAR-100 setting; use 1 for RoIs.
        loss_weight: Multiplies the loss. CIFAR-100: 0.9 beside the student's own loss
            at 0.1. 0 only monitors.
        standardize: Standardise each row of logits first (arXiv:2403.01427); its
            authors use `temperature=2, loss_weight=9` beside the student's own loss at
            0.1 on CIFAR-100.
        restore_scale: Multiply each standardised row by the variance of the teacher's
            logits, which is NormKD (arXiv:2308.00520); its authors use `temperature=2,
            loss_weight=0.9` beside 0.1 on CIFAR-100, and 1, 0.5 and 0.5 on ImageNet.

    Raises:
        ValueError: An argument is out of its range, or `restore_scale` is without
            `standardize`.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import KDLoss
        >>> KDLoss(loss_weight=0.9)(torch.zeros(1, 2), torch.tensor([[8.0, 0.0]]))
        tensor(4.7205)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        temperature: float = 4.0,
        loss_weight: float = 1.0,
        standardize: bool = False,
        restore_scale: bool = False,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.standardize = boolean('standardize', standardize)
        self.restore_scale = boolean('restore_scale', restore_scale)
        if restore_scale and not standardize:
            raise ValueError(
                'restore_scale=True needs logits that are standardised, got '
                'standardize=False; set both for NormKD'
            )

    def forward(
        self, student: Tensor, teacher: Tensor, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * kd_loss(
            student,
            teacher,
            temperature=self.temperature,
            standardize=self.standardize,
            restore_scale=self.restore_scale,
            reduction=reduction,
        )
