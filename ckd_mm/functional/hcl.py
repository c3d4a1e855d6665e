"""HCL: ReviewKD's hierarchical context loss, a squared error at several resolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._sizes import add_pooled_gradient, divides, pooled_to
from ckd_mm.functional._squares import difference

__all__ = ['hcl_loss']

_POOLED_SIZES = (4, 2, 1)


def hcl_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Mean squared errors of one level, at full size and pooled.

    .. math::
        L = \frac{\sum_k 2^{-k} \mathrm{MSE}(\mathrm{pool}_k(s), \mathrm{pool}_k(t))}
            {\sum_k 2^{-k}}

    with pool_0 the identity and the others average pooling to those of 4 x 4, 2 x 2 and
    1 x 1 that are smaller than the height of the map.

    The loss of "Distilling Knowledge via Knowledge Review", arXiv:2104.09044, as in the
    authors' code. The paper first fuses the student's levels; that is not part of this
    function.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The weighted mean of the errors, in squared units of the maps, >= 0, of shape
        (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import hcl_loss
        >>> zeros = torch.zeros(1, 1, 2, 2)
        >>> hcl_loss(zeros, zeros + 3)
        tensor(9.)
        >>> hcl_loss(zeros, torch.tensor([[[[1.0, -1.0], [-1.0, 1.0]]]]))  # 1 / 1.5
        tensor(0.6667)
    """
    check_maps(student, teacher)
    return _PooledErrors.apply(student, teacher.detach())


class _PooledErrors(torch.autograd.Function):
    """Computes the difference of the maps in both passes and keeps it in none.

    Pooling is linear: the difference is pooled instead of both maps.
    """

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> Tensor:
        ctx.save_for_backward(student, teacher)
        gap_NCHW = difference(student, teacher)
        pooled = _pooled(gap_NCHW)
        *scales, scale = _scales([*pooled, gap_NCHW])
        value = torch.linalg.vector_norm(gap_NCHW).square_().mul_(scale)
        for scale, error in zip(scales, pooled, strict=True):
            value.add_(torch.linalg.vector_norm(error).square_(), alpha=scale)
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        student, teacher = ctx.saved_tensors
        gap_NCHW = difference(student, teacher)
        pooled = _pooled(gap_NCHW)
        *scales, scale = _scales([*pooled, gap_NCHW])
        gradient = 2 * gradients[0]
        gap_NCHW.mul_(gradient * scale)
        for scale, error in zip(scales, pooled, strict=True):
            add_pooled_gradient(gap_NCHW, error * gradient, scale)
        return gap_NCHW.to(student.dtype), None


def _pooled(gap_NCHW: Tensor) -> list[Tensor]:
    """The maps of the smaller sizes, large to small.

    If all windows have one size, those of the next size consist of whole ones.
    """
    pooled, source = [], gap_NCHW
    with torch.autocast(gap_NCHW.device.type, enabled=False):
        for size in _POOLED_SIZES:
            if size < gap_NCHW.shape[2]:
                pooled.append(pooled_to(source, (size, size)))
                if divides(gap_NCHW, (size, size)):
                    source = pooled[-1]
    return pooled


def _scales(maps: list[Tensor]) -> list[float]:
    """What multiplies the sum of squares of each size; the full one comes last."""
    weights = [0.5**level for level in range(1, len(maps))] + [1.0]
    return [
        weight / sum(weights) / max(error.numel(), 1)
        for weight, error in zip(weights, maps, strict=True)
    ]
