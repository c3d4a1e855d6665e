"""Quality focal KD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import at_least_one, non_negative
from ckd_mm.functional import qualityfocalkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['QualityFocalKDLoss']


@LOSSES.register_module()
class QualityFocalKDLoss(nn.Module):
    """Each class as a question, see :func:`ckd_mm.functional.qualityfocalkd_loss`.

    For the logits of dense heads with a sigmoid per class.

    Args:
        beta: Power of the gap of the probabilities.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import QualityFocalKDLoss
        >>> loss = QualityFocalKDLoss(loss_weight=2.0)
        >>> student, teacher = torch.zeros(1, 1), torch.tensor([[8.0]])
        >>> loss(student, teacher, torch.tensor([True]))
        tensor(0.6927)
    """

    takes: ClassVar[Takes] = 'sigmoid'

    def __init__(self, beta: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.beta = at_least_one('beta', beta)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        assigned: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * qualityfocalkd_loss(
            student, teacher, assigned, beta=self.beta, reduction=reduction
        )
