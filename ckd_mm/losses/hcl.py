"""ReviewKD's hierarchical context loss as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import hcl_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['HCLLoss']


@LOSSES.register_module()
class HCLLoss(nn.Module):
    """Squared error at several resolutions, see :func:`ckd_mm.functional.hcl_loss`.

    Takes the feature maps of one level, or lists of levels, and returns the sum over
    the levels, as the paper does.

    Args:
        loss_weight: Multiplies the loss. ReviewKD, which fuses the levels first, uses
            0.8 to 2 for detectors. 0 only monitors.

    Raises:
        ValueError: `loss_weight` is not a finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import HCLLoss
        >>> zeros = torch.zeros(1, 1, 2, 2)
        >>> HCLLoss(loss_weight=2.0)([zeros, zeros], [zeros, zeros + 3])
        tensor(18.)
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
        return self.loss_weight * sum_over_levels(hcl_loss, student, teacher)
