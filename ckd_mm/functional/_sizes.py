"""Bring feature maps of different sizes to one size.

Shape suffixes beside the package's: S pooled positions of one axis, L positions of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    'add_pooled_gradient',
    'divides',
    'of_smaller_size',
    'pooled_below',
    'pooled_to',
    'resized',
]


def of_smaller_size(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps, the larger one average-pooled to the smaller size, per axis."""
    size = (
        min(student.shape[2], teacher.shape[2]),
        min(student.shape[3], teacher.shape[3]),
    )
    return pooled_to(student, size), pooled_to(teacher, size)


def pooled_to(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Average pooling to a height and width; maps of that size stay as they are.

    The values are those of `adaptive_avg_pool2d`, whose gradient differs from run to
    run on CUDA. Here windows of equal size are reshaped, and others are two products
    with the matrices of their weights.
    """
    if maps.shape[2:] == size:
        return maps
    if divides(maps, size):
        return _windows(maps, size).mean(dim=(3, 5))
    rows_SL, columns_SL = _weights(maps, size)
    return rows_SL @ (maps @ columns_SL.T)


def pooled_below(maps: Tensor, most: int) -> Tensor:
    """Average pooling by the smallest factor that leaves at most `most` positions."""
    height, width = maps.shape[2:]
    factor = 1
    while -(-height // factor) * -(-width // factor) > most:
        factor += 1
    return pooled_to(maps, (-(-height // factor), -(-width // factor)))


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, C, *size), averaged where an axis gets shorter, else interpolated.

    An axis that grows has linear weights between the centres of its cells, those of
    `interpolate` in the mode 'bilinear', whose gradient differs from run to run on
    CUDA. Here both axes are products with the matrices of their weights.
    """
    lengths = maps.shape[2:]
    if all(new <= old for new, old in zip(size, lengths, strict=True)):
        return pooled_to(maps, size)
    averages = _weights(maps, size)
    rows_SL, columns_SL = (
        average if new <= old else _linear(maps, old, new)
        for average, new, old in zip(averages, size, lengths, strict=True)
    )
    return rows_SL @ (maps @ columns_SL.T)


def add_pooled_gradient(gradient: Tensor, pooled: Tensor, scale: float) -> None:
    """Add what `pooled_to` makes of the gradient of the pooled maps, times `scale`."""
    size = (pooled.shape[2], pooled.shape[3])
    if divides(gradient, size):
        windows = _windows(gradient, size)
        share = scale / (windows.shape[3] * windows.shape[5])
        windows.add_(pooled[:, :, :, None, :, None], alpha=share)
    else:
        rows_SL, columns_SL = _weights(gradient, size)
        gradient.add_(rows_SL.T @ (pooled @ columns_SL), alpha=scale)


def divides(maps: Tensor, size: tuple[int, int]) -> bool:
    """Whether pooling to this size has windows of equal size."""
    return maps.shape[2] % size[0] == 0 and maps.shape[3] % size[1] == 0


def _windows(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """A view (N, C, rows, height, columns, width) of windows of equal size."""
    height, width = maps.shape[2] // size[0], maps.shape[3] // size[1]
    return maps.unflatten(3, (size[1], width)).unflatten(2, (size[0], height))


def _weights(maps: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """For each axis, the matrix (S, L) whose rows have 1/n in the n of a window."""
    first, second = (
        F.adaptive_avg_pool2d(
            torch.eye(length, dtype=maps.dtype, device=maps.device)[None],
            (pooled, length),
        )[0]
        for length, pooled in zip(maps.shape[2:], size, strict=True)
    )
    return first, second


def _linear(maps: Tensor, old: int, new: int) -> Tensor:
    """The matrix (S, L) of linear interpolation along one axis."""
    each_1LL = torch.eye(old, dtype=maps.dtype, device=maps.device)[None]
    return F.interpolate(each_1LL, new, mode='linear', align_corners=False)[0].T
