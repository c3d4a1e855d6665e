"""PKD: feature maps with each channel standardised."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._upcast import wide_dtype

__all__ = ['pkd_loss']

_EPSILON = 1e-6  # added to deviations, as in mmrazor


def pkd_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Half the mean squared error of the standardised maps of one level.

    .. math::
        L = \frac{1}{2 N C H W} \sum (\hat s - \hat t)^2, \qquad
        \hat f_c = \frac{f_c - \mathrm{mean}(f_c)}{\mathrm{std}(f_c) + 10^{-6}}

    with mean and standard deviation (unbiased) of each channel over images and
    positions. With n = N H W, it is (n - 1) / n times the mean over channels of one
    minus Pearson's correlation.

    "PKD: General Distillation Framework for Object Detectors via Pearson Correlation
    Coefficient", arXiv:2207.02039. It equals mmrazor's `PKDLoss` of one level; a
    constant channel becomes zeros and gets no gradient here.

    Args:
        student: Feature maps (N, C, H, W), any real values; gets the gradient.
        teacher: Feature maps (N, C, H, W), any real values; detached here.

    Returns:
        The mean over all entries, without a unit, from 0 to 2, of shape (). An empty
        batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not feature maps of one shape.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import pkd_loss
        >>> maps = torch.arange(8.0).reshape(2, 1, 2, 2)
        >>> pkd_loss(5 * maps + 1, maps) < 1e-6
        tensor(True)
        >>> pkd_loss(-maps, maps)  # 2 * 7 / 8, as the deviation is unbiased
        tensor(1.7500)
    """
    check_maps(student, teacher)
    squares = _StandardisedSquares.apply(student, teacher.detach())
    return squares / (2 * max(student.numel(), 1))


class _StandardisedSquares(torch.autograd.Function):
    """The sum of squared differences; both passes standardise the maps."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, teacher: Tensor) -> Tensor:
        dtype = wide_dtype(student, teacher)
        both = _Channels.of(student.to(dtype)), _Channels.of(teacher.to(dtype))
        ctx.save_for_backward(student, teacher, *both[0], *both[1])
        gap_NCHW = _gap(student, teacher, *both)[1]
        return torch.linalg.vector_norm(gap_NCHW).square_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        student, teacher, *saved = ctx.saved_tensors
        own, other = _Channels(*saved[:3]), _Channels(*saved[3:])
        if torch.is_grad_enabled():  # the second derivative goes through them
            own = _Channels.of(student.to(own.mean.dtype))
        centred_NCHW, gap_NCHW = _gap(student, teacher, own, other)
        # what a larger deviation would change
        slope_C11 = _products(gap_NCHW, centred_NCHW) * own.inverse**2 * own.per_length
        factor = 2 * gradients[0]
        gradient = gap_NCHW * (own.inverse * factor)
        gradient.addcmul_(centred_NCHW, slope_C11 * factor, value=-1)
        return gradient.to(student.dtype), None


class _Channels(NamedTuple):
    """What standardises each channel (1, C, 1, 1); a constant one becomes zeros."""

    mean: Tensor
    inverse: Tensor
    """One divided by the deviation plus epsilon; 0 for a constant channel."""

    per_length: Tensor
    """How fast the deviation grows, divided by the length of the centred channel."""

    @classmethod
    def of(cls, maps_NCHW: Tensor) -> _Channels:
        over = (0, 2, 3)
        mean = maps_NCHW.mean(dim=over, keepdim=True)
        length, whole = (
            torch.linalg.vector_norm(maps, dim=over, keepdim=True)
            for maps in (maps_NCHW - mean, maps_NCHW)
        )
        rounding = 16 * torch.finfo(maps_NCHW.dtype).eps * whole
        free = max(maps_NCHW.numel() // maps_NCHW.shape[1] - 1, 1) ** 0.5
        inverse = torch.where(length > rounding, 1 / (length / free + _EPSILON), 0.0)
        return cls(mean, inverse, 1 / (free * length.clamp_min(1e-30)))


def _gap(
    student: Tensor, teacher: Tensor, own: _Channels, other: _Channels
) -> tuple[Tensor, Tensor]:
    """The student centred, and student minus teacher, both standardised."""
    centred_NCHW = student - own.mean
    gap_NCHW = (teacher - other.mean).mul_(-other.inverse)
    return centred_NCHW, gap_NCHW.addcmul_(centred_NCHW, own.inverse)


def _products(first_NCHW: Tensor, second_NCHW: Tensor) -> Tensor:
    """The product of each channel of both (1, C, 1, 1), without one of each entry."""
    first_NC1P = first_NCHW.flatten(2)[:, :, None]
    second_NCP1 = second_NCHW.flatten(2)[:, :, :, None]
    with torch.autocast(first_NCHW.device.type, enabled=False):
        return (first_NC1P @ second_NCP1).sum(dim=0, keepdim=True)
