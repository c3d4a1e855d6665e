"""AT as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import at_least_one, non_negative
from ckd_mm.functional import at_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ATLoss']


@LOSSES.register_module()
class ATLoss(nn.Module):
    """Attention maps, see :func:`ckd_mm.functional.at_loss`.

    Takes the feature maps of one level, or lists of levels, and returns the sum over
    the levels, as the paper does.

    Args:
        p: Exponent of the activations.
        loss_weight: Multiplies the loss. CIFAR-100: 1000. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import ATLoss
        >>> left, right = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
        >>> ATLoss(loss_weight=1000.0)([left, left], [left, right])
        tensor(1000.)
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        p: float = 2.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.p = at_least_one('p', p)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sum_over_levels(
            partial(at_loss, p=self.p), student, teacher
        )
