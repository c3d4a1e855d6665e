"""NST as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import nst_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['NSTLoss']


@LOSSES.register_module()
class NSTLoss(nn.Module):
    """Distributions of channel patterns, see :func:`ckd_mm.functional.nst_loss`.

    Takes the feature maps of one level, or lists of levels, and returns the sum over
    the levels, as mdistiller does.

    Args:
        loss_weight: Multiplies the loss. CIFAR-100: 50. 0 only monitors.

    Raises:
        ValueError: `loss_weight` is not a finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import NSTLoss
        >>> left, right = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
        >>> NSTLoss(loss_weight=50.0)([left, left], [left, right])
        tensor(100.)
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
        return self.loss_weight * sum_over_levels(nst_loss, student, teacher)
