"""WKD-F as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative, positive_integer
from ckd_mm.functional import wkdf_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._connectors import (
    BatchNorm,
    Channels,
    behind_regressor,
    map_pairs,
    over_pairs,
    widths,
)
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['WKDFLoss']


@LOSSES.register_module()
class WKDFLoss(nn.Module):
    """Means and deviations of features, see :func:`ckd_mm.functional.wkdf_loss`.

    For each level, a 1 x 1 convolution, BatchNorm and ReLU, trained along with the
    student, bring the student's maps to the teacher's width, as in the authors' code
    for CIFAR-100; for ImageNet they have three convolutions. The losses of the levels
    are summed; the authors use one level, the last. The defaults are theirs for
    resnet32x4 -> resnet8x4 on CIFAR-100.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        grid: The number of cells along each axis. The authors take 1 or 4.
        mean_weight: Weight of the means beside the deviations. The authors take 2 to 4,
            and 8 beside WKD-L.
        relu: Whether a ReLU comes last; not for teacher's maps of both signs, as a neck
            or a transformer returns.
        loss_weight: Multiplies the loss. CIFAR-100: 0.08 to 0.5, ImageNet: 0.005 to
            0.02. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import WKDFLoss
        >>> loss = WKDFLoss(student_channels=8, teacher_channels=32, grid=2)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        grid: int = 1,
        mean_weight: float = 4.0,
        relu: bool = True,
        loss_weight: float = 0.08,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.grid = positive_integer('grid', grid)
        self.mean_weight = non_negative('mean_weight', mean_weight)
        self.relu = boolean('relu', relu)
        self.regressors = nn.ModuleList(
            nn.Conv2d(*level, kernel_size=1, bias=False) for level in self.widths
        )
        self.norms = nn.ModuleList(BatchNorm(width) for _, width in self.widths)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Maps, teacher: Maps, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each image."""
        values = over_pairs(
            partial(self._level, reduction),
            zip(self.regressors, self.norms, strict=True),
            map_pairs(student, teacher, self.widths),
        )
        return self.loss_weight * values.sum(dim=0)

    def _level(
        self,
        reduction: Reduction,
        layers: tuple[Any, BatchNorm | None],
        student: Tensor,
        teacher: Tensor,
    ) -> Tensor:
        loss = partial(
            wkdf_loss,
            grid=self.grid,
            mean_weight=self.mean_weight,
            reduction=reduction,
        )
        return behind_regressor(loss, layers, self.relu, student, teacher)
