"""The Jensen-Shannon divergence as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import js_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['JSLoss']


@LOSSES.register_module()
class JSLoss(nn.Module):
    """Symmetric divergence of probabilities, see :func:`ckd_mm.functional.js_loss`.

    Args:
        temperature: Divides the logits.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import JSLoss
        >>> JSLoss(loss_weight=2.0)(100 * torch.eye(2), 100 * torch.eye(2).flip(0))
        tensor(1.3863)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Tensor, teacher: Tensor, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * js_loss(
            student,
            teacher,
            temperature=self.temperature,
            reduction=reduction,
        )
