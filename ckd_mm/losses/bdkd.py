"""BD-KD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import bdkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['BDKDLoss']


@LOSSES.register_module()
class BDKDLoss(nn.Module):
    """Balanced forward and reverse divergence, see :func:`ckd_mm.functional.bdkd_loss`.

    Args:
        emphasis: Weight of the direction that a sample needs more; the default is ours.
        temperature: Divides the logits; 4 is KD's setting for CIFAR-100.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import BDKDLoss
        >>> loss = BDKDLoss(temperature=1.0, loss_weight=0.5)
        >>> loss(torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2))
        tensor(0.5977)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        emphasis: float = 2.0,
        temperature: float = 4.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.emphasis = positive('emphasis', emphasis)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Tensor, teacher: Tensor, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * bdkd_loss(
            student,
            teacher,
            emphasis=self.emphasis,
            temperature=self.temperature,
            reduction=reduction,
        )
