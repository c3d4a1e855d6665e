"""FreeKD without its masks as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional import freekd_loss
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, projections, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FreeKDLoss']


@LOSSES.register_module()
class FreeKDLoss(nn.Module):
    """High frequencies of feature maps, see :func:`ckd_mm.functional.freekd_loss`.

    For each level, a 1 x 1 convolution, trained along with the student, brings the
    student's maps to the teacher's width, as in the authors' configs, also where the
    widths agree. The losses of the levels are summed.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        num_scales: Number of scales of the transform.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import FreeKDLoss
        >>> loss = FreeKDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        num_scales: int = 3,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.projections = projections(self.widths)
        self.num_scales = positive_integer('num_scales', num_scales)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""

        def loss(projection: Any, student: Tensor, teacher: Tensor) -> Tensor:
            projected = projection(student)
            return freekd_loss(projected, teacher, num_scales=self.num_scales)

        found = pairs(student, teacher, self.widths)
        return self.loss_weight * over_pairs(loss, self.projections, found).sum()
