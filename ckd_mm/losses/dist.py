"""DIST as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import check_any_positive, non_negative, positive
from ckd_mm.functional import dist_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['DISTLoss']


@LOSSES.register_module()
class DISTLoss(nn.Module):
    """Correlations of class probabilities, see :func:`ckd_mm.functional.dist_loss`.

    The defaults are the paper's for ImageNet. CIFAR-100: `temperature=4`.

    Args:
        beta: Weight of the correlation over the classes of a sample.
        gamma: Weight of the correlation over the samples of a class.
        temperature: Divides the logits.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or beta and gamma are both 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import DISTLoss
        >>> DISTLoss(loss_weight=0.5)(torch.eye(3), torch.eye(3).flip(0))
        tensor(2.)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        beta: float = 2.0,
        gamma: float = 2.0,
        temperature: float = 1.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.beta = non_negative('beta', beta)
        self.gamma = non_negative('gamma', gamma)
        check_any_positive(beta=beta, gamma=gamma)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * dist_loss(
            student,
            teacher,
            beta=self.beta,
            gamma=self.gamma,
            temperature=self.temperature,
        )
