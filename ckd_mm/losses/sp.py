"""SP as a registered loss."""

from __future__ import annotations

from torch import Tensor, nn

from ckd_mm.functional import sp_loss
from ckd_mm.losses._checks import non_negative
from ckd_mm.registry import LOSSES

__all__ = ['SPLoss']


@LOSSES.register_module()
class SPLoss(nn.Module):
    """Similarities between samples, see :func:`ckd_mm.functional.sp_loss`.

    Args:
        loss_weight: Multiplies the loss. CIFAR-100: 3000. 0 only
            monitors.

    Raises:
        ValueError: It is no finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import SPLoss
        >>> SPLoss(loss_weight=10.0)(torch.eye(2), torch.ones(2, 2))
        tensor(2.9289)
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sp_loss(student, teacher)
