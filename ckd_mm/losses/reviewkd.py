"""ReviewKD as a registered loss: fuse the student's levels, then compare."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._connectors import Channels, pairs, widths
from ckd_mm.losses._fusion import Fusion
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
            Fusion(
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
            with upcast([pair]) as (wide_NCHW,):
                deeper, value = fusion(wide_NCHW, deeper, pair[1].detach())
            values.append(value)
        return self.loss_weight * torch.stack(values).sum()
