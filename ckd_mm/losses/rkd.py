"""RKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import check_any_positive, non_negative
from ckd_mm.functional import rkd_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['RKDLoss']


@LOSSES.register_module()
class RKDLoss(nn.Module):
    """Distances and angles between samples, see :func:`ckd_mm.functional.rkd_loss`.

    Args:
        distance_weight: Weight of the distances.
        angle_weight: Weight of the angles.
        loss_weight: Multiplies the loss. mdistiller uses 1, with the defaults of the
            other two weights. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or the weights of both parts are 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import RKDLoss
        >>> line = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
        >>> RKDLoss(loss_weight=0.5)(line, torch.eye(3))
        tensor(2.8356)
    """

    takes: ClassVar[Takes] = 'rows'

    def __init__(
        self,
        distance_weight: float = 25.0,
        angle_weight: float = 50.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.distance_weight = non_negative('distance_weight', distance_weight)
        self.angle_weight = non_negative('angle_weight', angle_weight)
        check_any_positive(distance_weight=distance_weight, angle_weight=angle_weight)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * rkd_loss(
            student,
            teacher,
            distance_weight=self.distance_weight,
            angle_weight=self.angle_weight,
        )
