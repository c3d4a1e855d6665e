"""AT: where in the image the network is active."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps, full_precision
from ckd_mm.functional._sizes import of_smaller_size
from ckd_mm.functional._upcast import wide_dtype
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['at_loss']


def at_loss(student: Tensor, teacher: Tensor, *, p: float = 2.0) -> Tensor:
    r"""Squared difference of the attention maps of one level.

    .. math::
        L = \frac{1}{N H W} \sum_i \left\lVert \frac{a_{s,i}}{\lVert a_{s,i} \rVert}
            - \frac{a_{t,i}}{\lVert a_{t,i} \rVert} \right\rVert^2, \qquad
        a_i = \frac{1}{C} \sum_c |f_{ic}|^p \in \mathbb{R}^{H W}

    "Paying More Attention to Attention", arXiv:1612.03928. It equals mdistiller's
    `at_loss` of one level: the larger map is average-pooled to the smaller size, per
    axis. An image whose map is zero gets no gradient here.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C', H', W'), any real values; detached here.
        p: Exponent; a finite number >= 1. A larger one looks at the strongest
            positions only.

    Returns:
        The mean over images and positions, without a unit, from 0 to 2 / (H W), of
        shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of the same number of images.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import at_loss
        >>> left, right = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
        >>> at_loss(left, right)
        tensor(1.)
        >>> at_loss(left, torch.cat([5 * left, left], dim=1))
        tensor(0.)
    """
    check_maps(student, teacher, any_channels=True, any_size=True)
    dtype = wide_dtype(student, teacher)
    if student.shape[2:] != teacher.shape[2:]:
        with full_precision(student, teacher) as pair:
            student, teacher = of_smaller_size(*pair)
    difference_NP = _attention(student, p, dtype) - _attention(
        teacher.detach(), p, dtype
    )
    return difference_NP.square().sum() / max(difference_NP.numel(), 1)


def _attention(maps_NCHW: Tensor, p: float, dtype: torch.dtype) -> Tensor:
    return unit_vectors(_MeanPower.apply(maps_NCHW, p, dtype).flatten(1))


class _MeanPower(torch.autograd.Function):
    """The mean of |f|^p over the channels (N, H, W), without a copy of the maps."""

    @staticmethod
    def forward(ctx: Any, maps_NCHW: Tensor, p: float, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(maps_NCHW)
        ctx.p, ctx.dtype = p, dtype
        norms_NHW = torch.linalg.vector_norm(maps_NCHW, ord=p, dim=1, dtype=dtype)
        return norms_NHW.pow_(p).div_(maps_NCHW.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (maps_NCHW,) = ctx.saved_tensors
        factor_N1HW = (gradients[0] * (ctx.p / maps_NCHW.shape[1]))[:, None]
        gradient = maps_NCHW  # as the factor is wide, so is their product
        if ctx.p != 2:
            wide_NCHW = maps_NCHW.to(ctx.dtype)
            gradient = wide_NCHW.abs().pow(ctx.p - 1) * wide_NCHW.sgn()
        return (gradient * factor_N1HW).to(maps_NCHW.dtype), None, None
