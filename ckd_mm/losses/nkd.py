"""NKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import nkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['NKDLoss']


@LOSSES.register_module()
class NKDLoss(nn.Module):
    """Cross-entropies of target and others, see :func:`ckd_mm.functional.nkd_loss`.

    The defaults are the authors' for ImageNet.

    Args:
        gamma: Weight of the non-target part.
        temperature: Divides the logits in the non-target part.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import NKDLoss
        >>> logits = torch.zeros(1, 3)
        >>> NKDLoss(loss_weight=0.5)(logits, logits, torch.tensor([0]))
        tensor(0.7030)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        gamma: float = 1.5,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.gamma = non_negative('gamma', gamma)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * nkd_loss(
            student,
            teacher,
            target,
            gamma=self.gamma,
            temperature=self.temperature,
            reduction=reduction,
        )
