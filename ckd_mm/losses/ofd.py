"""OFD as a registered loss."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import ofd_loss
from ckd_mm.losses._connectors import BatchNorm, Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['OFDLoss']


@LOSSES.register_module()
class OFDLoss(nn.Module):
    """Features that a ReLU lets through, see :func:`ckd_mm.functional.ofd_loss`.

    For each level, a 1 x 1 convolution and a BatchNorm, trained along with the student,
    bring the student's maps to the teacher's width. The levels come in order, fine to
    coarse. The last one has weight 1, the one before 1/2, and so on, as in the authors'
    code. The margins are computed from the batch, not from the teacher's BatchNorm.

    Choose layers whose outputs have not gone through a ReLU, as the authors' networks
    return them. A stage of MMPretrain's ResNet ends with a ReLU. Behind it the margins
    are 0, and the loss is a squared distance that ignores negative student values where
    the teacher is 0.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        loss_weight: Multiplies the loss, which is a sum over channels and positions.
            CIFAR-100: 1e-3, ImageNet: 1e-4. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import OFDLoss
        >>> loss = OFDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        loss_weight: float = 1e-3,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.connectors = nn.ModuleList(
            _connector(student_width, teacher_width)
            for student_width, teacher_width in self.widths
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        values = over_pairs(
            lambda connector, student, teacher: ofd_loss(connector(student), teacher),
            self.connectors,
            pairs(student, teacher, self.widths),
        )
        deepest_first = reversed(values.unbind())
        weighted = [value / 2**level for level, value in enumerate(deepest_first)]
        return self.loss_weight * sum(weighted[1:], weighted[0])


def _connector(student_width: int, teacher_width: int) -> nn.Sequential:
    conv = nn.Conv2d(student_width, teacher_width, kernel_size=1, bias=False)
    nn.init.normal_(conv.weight, std=math.sqrt(2 / teacher_width))
    return nn.Sequential(conv, BatchNorm(teacher_width))
