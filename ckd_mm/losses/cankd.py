"""CanKD as a registered loss.

Shape suffixes beside the package's: K the channels inside of the attention.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive_integer
from ckd_mm.functional import cankd_loss
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._moments import image_blocks
from ckd_mm.functional._recomputed import recomputed
from ckd_mm.functional._upcast import upcast, wide_dtype
from ckd_mm.losses._connectors import Channels, map_pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CanKDLoss']


@LOSSES.register_module()
class CanKDLoss(nn.Module):
    r"""Feature maps behind attention from the student's positions to the teacher's.

    For each level, with 1 x 1 convolutions q of the student's map, k and v of the
    teacher's, max-pooled by 2 to Q positions, and o back to the width of the map:

    .. math::
        z_{ip} = s_{ip} + \gamma \, \mathrm{BN} \Bigl( o \, \frac{1}{Q} \sum_{r}
            (q(s)_{ip} \cdot k(t)_{ir}) \, v(t)_{ir} \Bigr)

    and z is compared with the teacher's map, see :func:`ckd_mm.functional.cankd_loss`.
    All are trained along with the student. The losses of the levels are summed.

    "CanKD: Cross-Attention-based Non-local operation for Feature-based Knowledge
    Distillation", arXiv:2511.21503. It equals the authors' code (Apache-2.0), whose
    `loss_weight` is twice ours. There is no softmax, so the sum over the teacher's
    positions comes first: it is a matrix for each image, and nothing has the size of
    all pairs of positions. Left out is what the normalisations remove: the bias of o
    and the one of BN. Pooling leaves an axis of one position as it is. If the widths
    differ, which the authors' code refuses, a 1 x 1 convolution of the student's map
    comes first.

    The factors of BN start at 0: in the first step z is the student's map.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        inner_channels: Width of q, k and v; `None` is half the teacher's.
        loss_weight: Multiplies the loss. The authors' 5 is for four levels. 0 only
            monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CanKDLoss
        >>> loss = CanKDLoss(student_channels=8, teacher_channels=32)
        >>> loss(torch.randn(2, 8, 6, 6), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        inner_channels: int | None = None,
        loss_weight: float = 5.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.attentions = nn.ModuleList(
            _Attention(
                student_width, teacher_width, _inner(inner_channels, teacher_width)
            )
            for student_width, teacher_width in self.widths
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(self, student: Maps, teacher: Maps) -> Tensor:
        """The weighted loss, of shape ()."""
        found = map_pairs(student, teacher, self.widths)
        values = [
            attention(*pair)
            for attention, pair in zip(self.attentions, found, strict=True)
        ]
        return self.loss_weight * torch.stack(values).sum()

    def statistics(self, student: Maps, teacher: Maps) -> dict[str, Tensor]:
        """The mean absolute factor of BN: how far the attention is used."""
        layers: Any = self.attentions
        gains = [layer.norm.weight.detach().abs() for layer in layers]
        return {'attention_gain': torch.cat(gains).mean()}


class _Attention(nn.Module):
    """The loss of one level."""

    def __init__(self, student_width: int, width: int, inner: int) -> None:
        super().__init__()
        self.align = (
            nn.Identity()
            if student_width == width
            else nn.Conv2d(student_width, width, kernel_size=1, bias=False)
        )
        self.query = nn.Conv2d(width, inner, kernel_size=1)
        self.key = nn.Conv2d(width, inner, kernel_size=1)
        self.value = nn.Conv2d(width, inner, kernel_size=1)
        self.output = nn.Conv2d(inner, width, kernel_size=1, bias=False)
        # holds the factors, as a module whose weight decay `norm_decay_mult` sets
        self.norm = nn.BatchNorm2d(width, track_running_stats=False)
        self.norm.register_parameter('bias', None)
        nn.init.zeros_(self.norm.weight)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        if isinstance(self.align, nn.Conv2d):
            with upcast([(student, teacher)]) as (wide,):
                student = self.align(wide)
        check_maps(student, teacher)
        assert self.query.bias is not None
        with torch.autocast(teacher.device.type, enabled=False):
            matrix_NKK = self._matrix(teacher.detach()).mT
            output_CK = self.output.weight.flatten(1)
            read_NCK = output_CK @ matrix_NKK
            return cankd_loss(
                student,
                teacher,
                attention=read_NCK @ self.query.weight.flatten(1),
                shift=read_NCK @ self.query.bias,
                gain=self.norm.weight,
            )

    def _matrix(self, teacher: Tensor) -> Tensor:
        """The products of keys and values, a mean over positions (N, K, K)."""
        dtype = wide_dtype(teacher, teacher)

        def products(maps: Tensor, *, again: bool) -> Tensor:
            maps = maps.to(dtype)
            keys_NKQ = _pooled(self.key(maps))
            return keys_NKQ @ _pooled(self.value(maps)).mT / keys_NKQ.shape[2]

        return torch.cat(
            [recomputed(products, teacher[block]) for block in image_blocks(teacher)]
        )


def _pooled(maps: Tensor) -> Tensor:
    """The largest of each 2 x 2 positions, as (N, K, Q)."""
    size = min(2, maps.shape[2]), min(2, maps.shape[3])
    return F.max_pool2d(maps, size).flatten(2)


def _inner(channels: int | None, width: int) -> int:
    if channels is None:
        return max(width // 2, 1)
    return positive_integer('inner_channels', channels)
