"""OFA's term of logits as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import ofa_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['OFALoss']


@LOSSES.register_module()
class OFALoss(nn.Module):
    """Cross-entropy with a lifted target, see :func:`ckd_mm.functional.ofa_loss`.

    Args:
        epsilon: Exponent; the authors use 1 (the labels then cancel out) to 1.5.
        temperature: Divides the logits.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import OFALoss
        >>> logits = torch.zeros(1, 2)
        >>> OFALoss(loss_weight=2.0)(logits, logits, torch.tensor([0]))
        tensor(1.3863)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        epsilon: float = 1.0,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.epsilon = positive('epsilon', epsilon)
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
        return self.loss_weight * ofa_loss(
            student,
            teacher,
            target,
            epsilon=self.epsilon,
            temperature=self.temperature,
            reduction=reduction,
        )
