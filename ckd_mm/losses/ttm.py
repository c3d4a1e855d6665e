"""TTM and WTTM as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive
from ckd_mm.functional import ttm_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['TTMLoss']


@LOSSES.register_module()
class TTMLoss(nn.Module):
    """Divergence from the transformed teacher, see :func:`ckd_mm.functional.ttm_loss`.

    It is WTTM by default, and TTM with `weighted=False`. The student's own loss keeps
    the weight 1.

    Args:
        gamma: The power of the teacher's probabilities, one over its temperature.
        weighted: Whether rows in which the teacher is less sure count more.
        loss_weight: Multiplies the loss. CIFAR-100: 45 for TTM at gamma 0.1, 4 for WTTM
            at gamma 0.2 beside CRD. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import TTMLoss
        >>> loss = TTMLoss(gamma=1.0, loss_weight=0.5)
        >>> loss(torch.zeros(1, 2), torch.tensor([[8.0, 0.0]]))
        tensor(0.3451)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self, gamma: float = 0.2, weighted: bool = True, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.gamma = positive('gamma', gamma)
        self.weighted = boolean('weighted', weighted)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Tensor, teacher: Tensor, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * ttm_loss(
            student,
            teacher,
            gamma=self.gamma,
            weighted=self.weighted,
            reduction=reduction,
        )
