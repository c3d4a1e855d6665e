"""GLD as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional import gld_loss
from ckd_mm.losses._levels import Maps, sum_over_levels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['GLDLoss']


@LOSSES.register_module()
class GLDLoss(nn.Module):
    """Logits of an image and of its tiles, see :func:`ckd_mm.functional.gld_loss`.

    The maps are those of `on=dict(part='cam', bias=True)`. The defaults are the
    authors' for ResNet-110 -> ResNet-20 on CIFAR-100, where the student's own loss has
    the weight 0.3.

    Args:
        tiles: The number of tiles along each side.
        global_weight: Weight of the logits of the image.
        local_weight: Weight of the logits of each tile.
        relation_weight: Weight of the distances of all these logits.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import GLDLoss
        >>> loss = GLDLoss(relation_weight=100.0)
        >>> loss(torch.randn(2, 10, 4, 4), torch.randn(2, 10, 8, 8)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        tiles: int = 2,
        global_weight: float = 0.7,
        local_weight: float = 1.0,
        relation_weight: float = 500.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.tiles = positive_integer('tiles', tiles)
        self.global_weight = non_negative('global_weight', global_weight)
        self.local_weight = non_negative('local_weight', local_weight)
        self.relation_weight = non_negative('relation_weight', relation_weight)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        loss = partial(
            gld_loss,
            tiles=self.tiles,
            global_weight=self.global_weight,
            local_weight=self.local_weight,
            relation_weight=self.relation_weight,
        )
        return self.loss_weight * sum_over_levels(loss, student, teacher)
