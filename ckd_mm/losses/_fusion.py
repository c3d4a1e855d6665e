"""ReviewKD's fusion of one level of the student with the next deeper one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.functional import hcl_loss
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._recomputed import recomputed
from ckd_mm.losses._connectors import BatchNorm

__all__ = ['Fusion']


class Fusion(nn.Module):
    """One level: the paper's ABF, without attention at the deepest level.

    What is as large as the maps and cheap to compute is computed again in the backward
    pass instead of kept: all but the outputs of the convolutions and the fused map.
    """

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
        self, student: Tensor, deeper: Tensor | None, teacher: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The fused map, for the next finer level, and the loss of this level."""
        fused = _resized(self._fused(student, deeper), teacher.shape[2:])
        return fused, self._error(fused, teacher)

    def _fused(self, student: Tensor, deeper: Tensor | None) -> Tensor:
        conv, norm = self.reduce

        def fuse(reduced: Tensor, deeper: Tensor | None, *, again: bool) -> Tensor:
            reduced = norm(reduced, again=again)
            if self.attend is None or deeper is None:
                return reduced
            return _Blend.apply(reduced, deeper, self._attention(reduced, deeper))

        return recomputed(fuse, conv(student), deeper)

    def _error(self, fused: Tensor, teacher: Tensor) -> Tensor:
        conv, norm = self.output

        def loss(output: Tensor, teacher: Tensor, *, again: bool) -> Tensor:
            return hcl_loss(norm(output, again=again), teacher)

        output = conv(fused)
        # an error inside `checkpoint` would leave its hooks to whatever comes next
        check_maps(output, teacher)
        return recomputed(loss, output, teacher)

    def _attention(self, reduced: Tensor, deeper: Tensor) -> Tensor:
        """The weights (N, 2, H, W) of both maps.

        A 1 x 1 convolution of joined maps is the sum of one of each, and of an enlarged
        map it is the enlarged one of the small map.
        """
        assert self.attend is not None
        of_reduced, of_deeper = self.attend.weight.chunk(2, dim=1)
        enlarged = _resized(F.conv2d(deeper, of_deeper), reduced.shape[2:])
        return (F.conv2d(reduced, of_reduced, self.attend.bias) + enlarged).sigmoid()


class _Blend(torch.autograd.Function):
    """Two maps, the second one enlarged, times one number per position each.

    It keeps no enlarged map, and the backward pass has one product at a time.
    """

    @staticmethod
    def forward(
        ctx: Any, reduced: Tensor, deeper: Tensor, weights_N2HW: Tensor
    ) -> Tensor:
        ctx.save_for_backward(reduced, deeper, weights_N2HW)
        blended = _resized(deeper, reduced.shape[2:]) * weights_N2HW[:, 1:]
        return blended.addcmul_(reduced, weights_N2HW[:, :1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        reduced, deeper, weights_N2HW = ctx.saved_tensors
        (gradient,) = gradients
        size = reduced.shape[2:]
        of_weights = [
            (gradient * maps).sum(dim=1) for maps in (reduced, _resized(deeper, size))
        ]
        of_deeper = _resized_gradient(gradient * weights_N2HW[:, 1:], deeper)
        of_reduced = gradient * weights_N2HW[:, :1]
        return of_reduced, of_deeper, torch.stack(of_weights, dim=1)


def _conv_norm(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False
    )
    nn.init.kaiming_uniform_(conv.weight, a=1)
    return nn.Sequential(conv, BatchNorm(out_channels))


def _resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    height, width = size
    if maps.shape[2:] == (height, width):
        return maps
    return F.interpolate(maps, (height, width), mode='nearest')


def _resized_gradient(gradient: Tensor, maps: Tensor) -> Tensor:
    """What the gradient behind `_resized` gives the maps before it."""
    if gradient.shape == maps.shape:
        return gradient
    return torch.ops.aten.upsample_nearest2d_backward(
        gradient, gradient.shape[2:], maps.shape
    )
