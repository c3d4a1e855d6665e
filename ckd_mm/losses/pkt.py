"""PKT as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import pkt_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['PKTLoss']


@LOSSES.register_module()
class PKTLoss(nn.Module):
    """Neighbour probabilities of samples, see :func:`ckd_mm.functional.pkt_loss`.

    Args:
        loss_weight: Multiplies the loss. CIFAR-100: 30000. 0 only monitors.

    Raises:
        ValueError: `loss_weight` is not a finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import PKTLoss
        >>> PKTLoss(loss_weight=100.0)(torch.eye(2), torch.ones(2, 2))
        tensor(2.9446)
    """

    takes: ClassVar[Takes] = 'rows'

    def __init__(
        self,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * pkt_loss(student, teacher)
