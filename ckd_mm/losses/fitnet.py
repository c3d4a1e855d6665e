"""FitNets as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import fitnet_loss
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FitNetLoss']


@LOSSES.register_module()
class FitNetLoss(nn.Module):
    """Features as they are, see :func:`ckd_mm.functional.fitnet_loss`.

    For each level, a 1 x 1 convolution, trained along with the student, brings the
    student's maps to the teacher's width. The losses of the levels are summed; the
    paper uses one level, the middle one. mdistiller's regressor also has BatchNorm and
    ReLU.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        loss_weight: Multiplies the loss. CIFAR-100: 100. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import FitNetLoss
        >>> loss = FitNetLoss(student_channels=[8, 16], teacher_channels=[32, 64])
        >>> student = [torch.randn(2, 8, 6, 6), torch.randn(2, 16, 3, 3)]
        >>> teacher = [torch.randn(2, 32, 6, 6), torch.randn(2, 64, 3, 3)]
        >>> loss(student, teacher).shape
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
        self.regressors = nn.ModuleList(
            nn.Conv2d(student_width, teacher_width, kernel_size=1)
            for student_width, teacher_width in self.widths
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        values = over_pairs(
            lambda regressor, student, teacher: fitnet_loss(
                regressor(student), teacher
            ),
            self.regressors,
            pairs(student, teacher, self.widths),
        )
        return self.loss_weight * values.sum()
