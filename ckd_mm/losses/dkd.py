"""DKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, check_any_positive, non_negative, positive
from ckd_mm.functional import dkd_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['DKDLoss']


@LOSSES.register_module()
class DKDLoss(nn.Module):
    """Decoupled divergence of probabilities, see :func:`ckd_mm.functional.dkd_loss`.

    The defaults are the authors' for CIFAR-100, where the loss warms up over the first
    20 epochs (a schedule of the hook). ImageNet: `beta=0.5, temperature=1`. RoIs:
    `beta=0.25, temperature=1`.

    Args:
        alpha: Weight of the target part.
        beta: Weight of the non-target part.
        temperature: Divides the logits.
        loss_weight: Multiplies the loss; 0 only monitors.
        standardize: Standardise each row of logits first (arXiv:2403.01427); its
            authors use `temperature=2`.

    Raises:
        ValueError: An argument is out of its range, or alpha and beta are both 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import DKDLoss
        >>> student, teacher = torch.zeros(1, 3), torch.tensor([[4.0, 0.0, 0.0]])
        >>> DKDLoss(loss_weight=0.5)(student, teacher, torch.tensor([0]))
        tensor(0.9863)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: float = 4.0,
        loss_weight: float = 1.0,
        standardize: bool = False,
    ) -> None:
        super().__init__()
        self.alpha = non_negative('alpha', alpha)
        self.beta = non_negative('beta', beta)
        check_any_positive(alpha=alpha, beta=beta)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.standardize = boolean('standardize', standardize)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * dkd_loss(
            student,
            teacher,
            target,
            alpha=self.alpha,
            beta=self.beta,
            temperature=self.temperature,
            standardize=self.standardize,
            reduction=reduction,
        )
