"""RLD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import check_any_positive, non_negative, positive
from ckd_mm.functional import rld_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['RLDLoss']


@LOSSES.register_module()
class RLDLoss(nn.Module):
    """Divergence of refined logits, see :func:`ckd_mm.functional.rld_loss`.

    The defaults are the authors' for CIFAR-100, where the loss warms up over the first
    20 epochs (a schedule of the hook). ImageNet: `beta=0.5, temperature=1`.

    Args:
        alpha: Weight of the confidence.
        beta: Weight of the classes below the target.
        temperature: Divides the logits of the classes below the target.
        confidence_temperature: Divides the logits of the confidence.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or alpha and beta are both 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import RLDLoss
        >>> student, teacher = torch.zeros(1, 3), torch.tensor([[4.0, 0.0, 1.0]])
        >>> RLDLoss(loss_weight=0.5)(student, teacher, torch.tensor([0]))
        tensor(0.9047)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: float = 4.0,
        confidence_temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.alpha = non_negative('alpha', alpha)
        self.beta = non_negative('beta', beta)
        check_any_positive(alpha=alpha, beta=beta)
        self.temperature = positive('temperature', temperature)
        self.confidence_temperature = positive(
            'confidence_temperature', confidence_temperature
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * rld_loss(
            student,
            teacher,
            target,
            alpha=self.alpha,
            beta=self.beta,
            temperature=self.temperature,
            confidence_temperature=self.confidence_temperature,
            reduction=reduction,
        )
