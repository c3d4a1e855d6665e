"""PLD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import pld_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['PLDLoss']


@LOSSES.register_module()
class PLDLoss(nn.Module):
    """The teacher's ranking, the target first, see :func:`ckd_mm.functional.pld_loss`.

    It replaces the student's own cross-entropy: set `student_loss_weight=0` in the
    hook.

    Args:
        temperature: Divides the teacher's logits in the weights.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import PLDLoss
        >>> student = torch.tensor([[9.0, 0.0, -9.0]])
        >>> PLDLoss(loss_weight=0.5)(student, -student, torch.tensor([2]))
        tensor(8.9995)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * pld_loss(
            student,
            teacher,
            target,
            temperature=self.temperature,
            reduction=reduction,
        )
