"""A slow reference for ICKD: row by row of the channels' products."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .references_connectors import batch_norm, convolution, grid
from .scalars import Scalars, dot, total

__all__ = ['reference_ickd']


def reference_ickd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    own = grid(student)
    for projection, norm in zip(module.projections, module.norms, strict=False):
        own = batch_norm(convolution(own, projection.weight), norm)
    losses = []
    for image, wanted in zip(own, grid(teacher), strict=True):
        for first, second in zip(_directions(image), _directions(wanted), strict=True):
            losses += [(a - b) ** 2 for a, b in zip(first, second, strict=True)]
    return total(losses) / (len(student) * teacher.shape[1])


def _directions(image: Any) -> list[Scalars]:
    """By channel, its products with all channels, as a vector of length 1."""
    channels = [[x for row in channel for x in row] for channel in image]
    products = [[dot(first, second) for second in channels] for first in channels]
    return [[x / dot(row, row).sqrt() for x in row] for row in products]
