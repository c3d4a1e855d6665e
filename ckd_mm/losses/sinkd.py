"""SinKD as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive, positive_integer
from ckd_mm.functional import sinkd_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['SinKDLoss']


@LOSSES.register_module()
class SinKDLoss(nn.Module):
    """Optimal transport between the batches, see :func:`ckd_mm.functional.sinkd_loss`.

    The defaults of the first three arguments are the authors'. Their code multiplies
    the sum over rows by 0.001; here that is `loss_weight=0.001 * B` for B rows.

    Args:
        temperature: Divides the logits.
        epsilon: Entropy regularisation of the plan.
        num_iterations: Rounds of Sinkhorn's algorithm.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import SinKDLoss
        >>> logits = 100 * torch.eye(2)
        >>> SinKDLoss(loss_weight=0.5)(logits[:1], logits[1:])
        tensor(1.)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        temperature: float = 2.0,
        epsilon: float = 0.1,
        num_iterations: int = 20,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.epsilon = positive('epsilon', epsilon)
        self.num_iterations = positive_integer('num_iterations', num_iterations)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * sinkd_loss(
            student,
            teacher,
            temperature=self.temperature,
            epsilon=self.epsilon,
            num_iterations=self.num_iterations,
        )
