"""SP as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import sp_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['SPLoss']


@LOSSES.register_module()
class SPLoss(nn.Module):
    """Similarities between samples, see :func:`ckd_mm.functional.sp_loss`.

    Takes rows, the feature maps of one level, or lists of levels. For lists it returns
    the sum over the levels, as mdistiller does.

    Args:
        loss_weight: Multiplies the loss. CIFAR-100: 3000. 0 only monitors.

    Raises:
        ValueError: `loss_weight` is not a finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import SPLoss
        >>> SPLoss(loss_weight=10.0)(torch.eye(2), torch.ones(2, 2))
        tensor(2.9289)
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sum_over_levels(sp_loss, student, teacher)
