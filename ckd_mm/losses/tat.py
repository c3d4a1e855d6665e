"""TaT as a registered loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import non_negative
from ckd_mm.functional import tat_loss
from ckd_mm.functional._positions import check_positions
from ckd_mm.functional._sizes import of_smaller_size
from ckd_mm.losses._connectors import BatchNorm, Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['TaTLoss']


@LOSSES.register_module()
class TaTLoss(nn.Module):
    """The teacher's map by attention, see :func:`ckd_mm.functional.tat_loss`.

    For each level, two 3 x 3 convolutions without bias, each with BatchNorm, trained
    along with the student, make queries and values of the student's map. If the maps
    differ in size, the larger one is average-pooled to the smaller size, per axis; the
    authors' are of one size. The losses of the levels are summed.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        loss_weight: Multiplies the loss. The authors use 0.2, and 0.1 beside KD, for
            ResNet-34 -> ResNet-18 on ImageNet. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import TaTLoss
        >>> loss = TaTLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 7, 7), torch.randn(2, 32, 7, 7)).shape
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
        self.queries = nn.ModuleList(_layers(*both) for both in self.widths)
        self.values = nn.ModuleList(_layers(*both) for both in self.widths)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        values = over_pairs(
            _level,
            zip(self.queries, self.values, strict=True),
            pairs(student, teacher, self.widths),
        )
        return self.loss_weight * values.sum()


def _layers(student_width: int, teacher_width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(student_width, teacher_width, 3, padding=1, bias=False),
        BatchNorm(teacher_width),
    )


def _level(
    layers: tuple[nn.Module, nn.Module], student: Tensor, teacher: Tensor
) -> Tensor:
    """The loss of one level."""
    student, teacher = of_smaller_size(student, teacher.to(student.dtype))
    check_positions('TaTLoss', student)
    query, value = (layer(student) for layer in layers)
    return tat_loss(query, value, teacher)
