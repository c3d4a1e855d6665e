"""ReviewKD as a registered loss: fuse the student's levels, then compare."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional import hcl_loss
from ckd_mm.functional._inputs import full_precision
from ckd_mm.losses._connectors import BatchNorm, Channels, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ReviewKDLoss']


@LOSSES.register_module()
class ReviewKDLoss(nn.Module):
    r"""Imitate each teacher level by fusing the student's levels from that depth on.

    From the deepest level l = L to the first, with BN a BatchNorm:

    .. math::
        x_l = \mathrm{BN}(\mathrm{conv}_{1 \times 1}(s_l)), \qquad
        y_l = a_l \odot x_l + b_l \odot \mathrm{up}(y_{l+1}), \qquad y_L = x_L

        (a_l, b_l) = \sigma(\mathrm{conv}_{1 \times 1}([x_l, \mathrm{up}(y_{l+1})])),
        \qquad
        L = \sum_l \mathrm{HCL}(\mathrm{BN}(\mathrm{conv}_{3 \times 3}(y_l)), t_l)

    with up the nearest upsampling to the size of x_l, a and b one number per position,
    and HCL :func:`ckd_mm.functional.hcl_loss`.

    "Distilling Knowledge via Knowledge Review", arXiv:2104.09044. It is the authors'
    module. If the teacher's map has another size, y_l is resized (nearest) before the
    output convolution. The authors' config names the sizes; here they are read from the
    maps. If a batch has one value per channel (a single image at a level of 1 x 1),
    BatchNorm uses its running statistics here; the authors' code raises an error.

    The levels come in order, fine to coarse: the outputs of an FPN, or the stages of a
    backbone and the pooled embedding (N, C) as the last. On CIFAR-100 the authors take
    the teacher's maps before the last ReLU of each stage.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        mid_channels: Width of the fusion. Detectors 256; ImageNet 512 (ResNet-18) and
            256 (MobileNet); CIFAR-100: the width of the student's last level, at most
            512.
        loss_weight: Multiplies the loss. Faster R-CNN 1.2 (R18), 1 (R50), 2
            (MobileNetV2), Mask R-CNN 0.8 (R18, R50), 1 (MobileNetV2); CIFAR-100 0.6 to
            8, rising over the first 20 epochs (`schedule=dict(warmup=20)` of the term).
            0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import ReviewKDLoss
        >>> loss = ReviewKDLoss([8, 16, 16], [32, 64, 64], mid_channels=16)
        >>> student = [torch.randn(2, 8, 6, 6), torch.randn(2, 16, 3, 3)]
        >>> teacher = [torch.randn(2, 32, 6, 6), torch.randn(2, 64, 3, 3)]
        >>> pooled = torch.randn(2, 16), torch.randn(2, 64)
        >>> loss([*student, pooled[0]], [*teacher, pooled[1]]).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        mid_channels: int = 256,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        positive_integer('mid_channels', mid_channels)
        last = len(self.widths) - 1
        self.fusions = nn.ModuleList(
            _Fusion(
                student_width, mid_channels, teacher_width, is_deepest=number == last
            )
            for number, (student_width, teacher_width) in enumerate(self.widths)
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        deeper = None
        values = []
        found = pairs(student, teacher, self.widths)
        for fusion, pair in zip(reversed(self.fusions), reversed(found), strict=True):
            with full_precision(*pair) as (student_NCHW, teacher_NCHW):
                output, deeper = fusion(student_NCHW, deeper, teacher_NCHW.shape[2:])
                values.append(hcl_loss(output, teacher_NCHW))
        return self.loss_weight * torch.stack(values).sum()


class _Fusion(nn.Module):
    """One level: the paper's ABF, without attention at the deepest level."""

    def __init__(
        self,
        student_width: int,
        mid_channels: int,
        teacher_width: int,
        is_deepest: bool,
    ) -> None:
        super().__init__()
        self.reduce = _conv_norm(student_width, mid_channels, kernel_size=1)
        self.attend = None if is_deepest else nn.Conv2d(2 * mid_channels, 2, 1)
        self.output = _conv_norm(mid_channels, teacher_width, kernel_size=3)

    def forward(
        self, student: Tensor, deeper: Tensor | None, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """The map to compare with the teacher's, and that for the next finer level."""
        fused = self.reduce(student)
        if self.attend is not None and deeper is not None:
            deeper = _resized(deeper, fused.shape[2:])
            weights_N2HW = self.attend(torch.cat([fused, deeper], dim=1)).sigmoid()
            fused = fused * weights_N2HW[:, :1] + deeper * weights_N2HW[:, 1:]
        fused = _resized(fused, size)
        return self.output(fused), fused


def _conv_norm(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False
    )
    nn.init.kaiming_uniform_(conv.weight, a=1)
    return nn.Sequential(conv, BatchNorm(out_channels))


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return maps if maps.shape[2:] == size else F.interpolate(maps, size, mode='nearest')
