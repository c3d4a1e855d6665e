"""KL of box distributions as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import distributionkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['DistributionKDLoss']


@LOSSES.register_module()
class DistributionKDLoss(nn.Module):
    """KL by confidence, see :func:`ckd_mm.functional.distributionkd_loss`.

    For `on='cross_distribution'`, and any logits of a dense head.

    Args:
        temperature: Divides the logits.
        loss_weight: Multiplies the loss; 0 only monitors. CrossKD on GFL: 4.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import DistributionKDLoss
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
        >>> DistributionKDLoss(loss_weight=4.0)(student, teacher, torch.tensor([0.5]))
        tensor(1.3113)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(self, temperature: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        scores: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * distributionkd_loss(
            student, teacher, scores, temperature=self.temperature, reduction=reduction
        )
