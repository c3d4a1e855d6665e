"""Squared distances of feature maps that keep no copy of the maps for the gradient.

PyTorch's own operators would keep the difference, and under AMP the maps in float32
beside those in half precision. At COCO's size each of these has more than 100 MiB. Here
the backward pass computes them again.

Shape suffixes beside the package's: P the H W positions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._upcast import wide_dtype

__all__ = ['difference', 'squares']


def squares(
    student: Tensor,
    teacher: Tensor,
    weights_NP: Tensor | None = None,
    shift_NC: Tensor | None = None,
) -> Tensor:
    """The squared distance of each channel of each image (N, C), summed over positions.

    Args:
        student: Feature maps (N, C, H, W); gets the gradient.
        teacher: The same, without a gradient.
        weights_NP: A weight of each position of each image, without a gradient.
        shift_NC: Added to each channel of the student before; gets a gradient.

    Returns:
        The sums in float32 or wider.
    """
    return _Squares.apply(student, teacher.detach(), weights_NP, shift_NC)


def difference(student: Tensor, teacher: Tensor) -> Tensor:
    """Student minus teacher, in float32 or wider, in a new tensor."""
    dtype = wide_dtype(student, teacher)
    if student.dtype == dtype:
        return student - teacher
    return student.to(dtype).sub_(teacher)


class _Squares(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        student: Tensor,
        teacher: Tensor,
        weights_NP: Tensor | None,
        shift_NC: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(student, teacher, weights_NP, shift_NC)
        gap_NCP = _shifted(student, teacher, shift_NC).flatten(2)
        if weights_NP is None:
            return torch.linalg.vector_norm(gap_NCP, dim=2).square_()
        squares_NCP = gap_NCP.square_()
        with torch.autocast(student.device.type, enabled=False):
            weights_NP1 = weights_NP.to(squares_NCP.dtype)[:, :, None]
            return (squares_NCP @ weights_NP1).squeeze(2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        student, teacher, weights_NP, shift_NC = ctx.saved_tensors
        gradient = _shifted(student, teacher, shift_NC)
        gradient.mul_(2 * gradients[0][:, :, None, None])
        if weights_NP is not None:
            gradient.mul_(weights_NP.reshape(len(student), 1, *student.shape[2:]))
        of_shift_NC = None if shift_NC is None else gradient.sum(dim=(2, 3))
        return gradient.to(student.dtype), None, None, of_shift_NC


def _shifted(student: Tensor, teacher: Tensor, shift_NC: Tensor | None) -> Tensor:
    gap_NCHW = difference(student, teacher)
    return gap_NCHW if shift_NC is None else gap_NCHW.add_(shift_NC[:, :, None, None])
