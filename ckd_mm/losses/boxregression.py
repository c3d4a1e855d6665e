"""Box regression as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import box_regression_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['BoxRegressionLoss']


@LOSSES.register_module()
class BoxRegressionLoss(nn.Module):
    """Smooth L1 of box deltas, see :func:`ckd_mm.functional.box_regression_loss`.

    For `on='roi_boxes'`, `on='rpn_boxes'` and `on='cross_roi_boxes'`.

    Args:
        beta: Difference at which the loss changes from quadratic to linear.
        loss_weight: Multiplies the loss. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import BoxRegressionLoss
        >>> zeros = torch.zeros(1, 4)
        >>> BoxRegressionLoss(loss_weight=2.0)(zeros + 3, zeros, zeros)
        tensor(20.)
    """

    takes: ClassVar[Takes] = 'box deltas'

    def __init__(self, beta: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.beta = positive('beta', beta)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        box_target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        return self.loss_weight * box_regression_loss(
            student, teacher, box_target, beta=self.beta, reduction=reduction
        )
