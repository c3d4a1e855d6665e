"""CWD as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import cwd_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CWDLoss']


@LOSSES.register_module()
class CWDLoss(nn.Module):
    """Spatial distribution of each channel, see :func:`ckd_mm.functional.cwd_loss`.

    Takes the feature maps of one level, or lists of levels, and returns the sum over
    the levels; the paper has one level.

    Args:
        temperature: Divides the maps; the paper uses 1 to 4.
        loss_weight: Multiplies the loss. mmrazor's configs have temperature 1 and 10 on
            an FPN, 5 on the class maps of GFL. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CWDLoss
        >>> zeros, teacher = torch.zeros(1, 1, 1, 2), torch.tensor([[[[8.0, 0.0]]]])
        >>> CWDLoss(temperature=4.0, loss_weight=2.0)(zeros, teacher)
        tensor(10.4900)
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sum_over_levels(
            partial(cwd_loss, temperature=self.temperature), student, teacher
        )
