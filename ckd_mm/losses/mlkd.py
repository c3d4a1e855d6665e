"""MLKD as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive_numbers
from ckd_mm.functional import mlkd_loss
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['MLKDLoss']


@LOSSES.register_module()
class MLKDLoss(nn.Module):
    """KD with pairs of samples and of classes, see :func:`ckd_mm.functional.mlkd_loss`.

    Args:
        temperatures: Each divides the logits in turn; the paper's five by default.
        standardize: Standardise each row of logits first (arXiv:2403.01427).
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import MLKDLoss
        >>> loss = MLKDLoss(temperatures=[1.0], loss_weight=0.5)
        >>> loss(torch.zeros(2, 2), 2 * torch.eye(2))
        tensor(0.3321)
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self,
        temperatures: Sequence[float] = (2.0, 3.0, 4.0, 5.0, 6.0),
        standardize: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperatures = positive_numbers('temperatures', temperatures)
        self.standardize = boolean('standardize', standardize)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The weighted loss, of shape ()."""
        return self.loss_weight * mlkd_loss(
            student,
            teacher,
            temperatures=self.temperatures,
            standardize=self.standardize,
        )
