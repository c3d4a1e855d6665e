"""Mimic as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import mimic_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, projections, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['MimicLoss']


@LOSSES.register_module()
class MimicLoss(nn.Module):
    """Features of the same RoIs, see :func:`ckd_mm.functional.mimic_loss`.

    The transform layer, a 1 x 1 convolution with a bias, is trained along with the
    student and brings its features to the teacher's width. For rows (R, D), such as
    `on='embedding'`, it is a linear layer.

    Args:
        student_channels: Number of channels of the student's features.
        teacher_channels: The same for the teacher.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import MimicLoss
        >>> loss = MimicLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(5, 8, 7, 7), torch.randn(5, 32, 7, 7)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.transforms = projections(self.widths)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Maps, teacher: Maps, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""

        def loss(transform: Any, student: Tensor, teacher: Tensor) -> Tensor:
            return mimic_loss(transform(student), teacher, reduction=reduction)

        found = pairs(student, teacher, self.widths)
        return self.loss_weight * over_pairs(loss, self.transforms, found).sum(dim=0)
