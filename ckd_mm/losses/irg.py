"""IRG as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import irg_loss
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['IRGLoss']


@LOSSES.register_module()
class IRGLoss(nn.Module):
    """Distances of samples and between layers, see :func:`ckd_mm.functional.irg_loss`.

    Args:
        edge_weight: Weight of the distances of all pairs of samples.
        transformation_weight: Weight of the distance that each sample moves between two
            layers.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is no finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import IRGLoss
        >>> loss = IRGLoss(loss_weight=2.0)
        >>> student = [torch.randn(4, 2, 6, 6), torch.randn(4, 4, 3, 3)]
        >>> teacher = [torch.randn(4, 8, 6, 6), torch.randn(4, 16, 3, 3)]
        >>> loss(student, teacher).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        edge_weight: float = 5.0,
        transformation_weight: float = 5.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.edge_weight = non_negative('edge_weight', edge_weight)
        self.transformation_weight = non_negative(
            'transformation_weight', transformation_weight
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * irg_loss(
            student,
            teacher,
            edge_weight=self.edge_weight,
            transformation_weight=self.transformation_weight,
        )
