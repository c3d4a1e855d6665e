"""CAT-KD as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive_integer
from ckd_mm.functional import catkd_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CATKDLoss']


@LOSSES.register_module()
class CATKDLoss(nn.Module):
    """Class activation maps, see :func:`ckd_mm.functional.catkd_loss`.

    The maps are those of `on='cam'`. The authors set all three arguments for each pair
    of networks, and say to choose the weight so that the term is between 1 and 50 after
    the first epoch.

    Args:
        size: The height and width to which the maps are pooled. The authors use 4 for
            students of CIFAR-100 that are ShuffleNets and for ResNet-18, else 2.
        normalize: Whether each map is divided by its length over the positions.
        loss_weight: Multiplies the loss. CIFAR-100: 0.7 to 15, or 15 to 600 with
            `normalize`. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CATKDLoss
        >>> loss = CATKDLoss(size=1, loss_weight=0.5)
        >>> loss(torch.zeros(2, 10, 4, 4), torch.ones(2, 10, 8, 8))
        tensor(0.5000)
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self, size: int = 2, normalize: bool = False, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.size = positive_integer('size', size)
        self.normalize = boolean('normalize', normalize)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        loss = partial(catkd_loss, size=self.size, normalize=self.normalize)
        return self.loss_weight * sum_over_levels(loss, student, teacher)
