"""ICKD as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive_integer
from ckd_mm.functional import ickd_loss
from ckd_mm.functional.ickd import Projection
from ckd_mm.losses._connectors import Channels, map_pairs, projections, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ICKDLoss']


@LOSSES.register_module()
class ICKDLoss(nn.Module):
    """Correlations of channels, see :func:`ckd_mm.functional.ickd_loss`.

    For each level, a 1 x 1 convolution and BatchNorm, trained along with the student,
    bring the student's maps to the teacher's channels. The losses of the levels are
    summed; the paper uses the last one.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        project: Whether convolution and BatchNorm come first. Without them the widths
            must agree, and nothing is learned, as the authors have it on ImageNet.
        grid: Compare the correlations within each of `grid` x `grid` patches of a map,
            ICKD-S for segmentation. 1 is the whole map. The authors have 1, 4, 16 and
            32 on maps of 33 x 33 positions.
        loss_weight: Multiplies the loss. CIFAR-100: 2.5. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import ICKDLoss
        >>> loss = ICKDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        project: bool = True,
        grid: int = 1,
        loss_weight: float = 2.5,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.projections = projections(self.widths, boolean('project', project), False)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(teacher_width, track_running_stats=False)
            for _, teacher_width in self.widths
            if project
        )
        self.grid = positive_integer('grid', grid)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        found = map_pairs(student, teacher, self.widths)
        values = [
            ickd_loss(*pair, projection=self._projection(number), grid=self.grid)
            for number, pair in enumerate(found)
        ]
        return self.loss_weight * torch.stack(values).sum()

    def _projection(self, level: int) -> Projection | None:
        if not self.norms:
            return None
        weight: Any = self.projections[level].weight
        norm: Any = self.norms[level]
        return Projection(weight.flatten(1), norm.weight, norm.bias)
