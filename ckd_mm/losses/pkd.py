"""PKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import pkd_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['PKDLoss']


@LOSSES.register_module()
class PKDLoss(nn.Module):
    """Standardised feature maps, see :func:`ckd_mm.functional.pkd_loss`.

    Takes the feature maps of one level, or lists of levels, and returns the sum over
    the levels, as the authors do.

    Args:
        loss_weight: Multiplies the loss. The authors use 6 or 10, by the pair, on four
            levels of a neck. 0 only monitors.

    Raises:
        ValueError: `loss_weight` is not a finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import PKDLoss
        >>> maps = torch.arange(8.0).reshape(2, 1, 2, 2)
        >>> PKDLoss(loss_weight=6.0)([maps, maps], [-maps, -maps])
        tensor(21.0000)
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sum_over_levels(pkd_loss, student, teacher)
