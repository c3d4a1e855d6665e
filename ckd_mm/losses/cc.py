"""CC as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import cc_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CCLoss']


@LOSSES.register_module()
class CCLoss(nn.Module):
    """Kernel matrices of the batch, see :func:`ckd_mm.functional.cc_loss`.

    Args:
        gamma: Sharpness of the kernel.
        loss_weight: Multiplies the loss. The 0.02 of the CRD benchmark belongs to
            another function with this name. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CCLoss
        >>> CCLoss(loss_weight=2.0)(torch.eye(2), torch.ones(2, 2))
        tensor(0.2533)
    """

    takes: ClassVar[Takes] = 'rows'

    def __init__(
        self,
        gamma: float = 0.4,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.gamma = positive('gamma', gamma)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * cc_loss(student, teacher, gamma=self.gamma)
