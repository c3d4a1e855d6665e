"""FitNets as a registered loss."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, non_negative
from ckd_mm.functional import fitnet_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._connectors import (
    BatchNorm,
    Channels,
    behind_regressor,
    over_pairs,
    pairs,
    widths,
)
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FitNetLoss']


@LOSSES.register_module()
class FitNetLoss(nn.Module):
    """Features as they are, see :func:`ckd_mm.functional.fitnet_loss`.

    For each level, a 1 x 1 convolution, BatchNorm and ReLU, trained along with the
    student, bring the student's maps to the teacher's width, as `ConvReg` of
    RepDistiller and mdistiller does. Its bias, which BatchNorm takes away again, is
    left out. The losses of the levels are summed; the paper uses one level, the middle
    one.

    Nothing is negative behind a ReLU. `relu=False` is for teacher's maps of both signs,
    as a neck or a transformer returns; `norm=False, relu=False` is a convolution with a
    bias alone.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        loss_weight: Multiplies the loss. CIFAR-100: 100. 0 only monitors.
        norm: Whether BatchNorm follows the convolution.
        relu: Whether a ReLU comes last.

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
        norm: bool = True,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.norm, self.relu = boolean('norm', norm), boolean('relu', relu)
        self.regressors = nn.ModuleList(
            nn.Conv2d(student_width, teacher_width, kernel_size=1, bias=not norm)
            for student_width, teacher_width in self.widths
        )
        self.norms = nn.ModuleList(
            BatchNorm(teacher_width) for _, teacher_width in self.widths if norm
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Maps, teacher: Maps, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""
        norms = self.norms if self.norm else [None] * len(self.widths)
        values = over_pairs(
            partial(self._level, reduction),
            zip(self.regressors, norms, strict=True),
            pairs(student, teacher, self.widths),
        )
        return self.loss_weight * values.sum(dim=0)

    def _level(
        self,
        reduction: Reduction,
        layers: tuple[Any, BatchNorm | None],
        student: Tensor,
        teacher: Tensor,
    ) -> Tensor:
        return behind_regressor(
            partial(fitnet_loss, reduction=reduction),
            layers,
            self.relu,
            student,
            teacher,
        )
