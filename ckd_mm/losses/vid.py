"""VID as a registered loss."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive
from ckd_mm.functional import vid_loss
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional._sizes import of_smaller_size
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['VIDLoss']

_SMALLEST_VARIANCE = 1e-5


@LOSSES.register_module()
class VIDLoss(nn.Module):
    """Likelihood of the teacher's features, see :func:`ckd_mm.functional.vid_loss`.

    For each level, three 1 x 1 convolutions predict the teacher's maps from the
    student's. Each channel has a learned variance: softplus of a parameter plus 1e-5,
    as in the public code. (mdistiller leaves its variances out of the optimizer, so
    they stay 5.) If the maps differ in size, the larger one is first average-pooled to
    the smaller size, per axis. The losses of the levels are summed. Convolutions and
    variances are trained along with the student.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        initial_variance: Initial variance of all channels, before the 1e-5 is added; a
            finite number > 0.
        loss_weight: Multiplies the loss. CIFAR-100: 1. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import VIDLoss
        >>> loss = VIDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 3, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        initial_variance: float = 5.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        positive('initial_variance', initial_variance)
        self.gaussians = nn.ModuleList(
            _Gaussian(student_width, teacher_width, initial_variance)
            for student_width, teacher_width in self.widths
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self, student: Maps, teacher: Maps, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row."""

        def loss(gaussian: _Gaussian, student: Tensor, teacher: Tensor) -> Tensor:
            student, teacher = of_smaller_size(student, teacher)
            mean, variance = gaussian.mean(student), gaussian.variance
            return vid_loss(mean, teacher, variance, reduction=reduction)

        found = pairs(student, teacher, self.widths)
        return self.loss_weight * over_pairs(loss, self.gaussians, found).sum(dim=0)


class _Gaussian(nn.Module):
    """The distribution of one level of the teacher, given the student."""

    def __init__(self, student_width: int, teacher_width: int, variance: float) -> None:
        super().__init__()
        self.mean = nn.Sequential(
            nn.Conv2d(student_width, teacher_width, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(teacher_width, teacher_width, kernel_size=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(teacher_width, teacher_width, kernel_size=1, bias=False),
        )
        inverse_softplus = variance + math.log(-math.expm1(-variance))
        self.scale = nn.Parameter(torch.full((teacher_width,), inverse_softplus))

    @property
    def variance(self) -> Tensor:
        return F.softplus(self.scale) + _SMALLEST_VARIANCE
