"""A slow reference for ICKD: row by row of the channels' products."""

from __future__ import annotations

from itertools import pairwise, product
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
    patches = (_patches(maps, module.grid) for maps in (own, grid(teacher)))
    for patch, wanted in zip(*patches, strict=True):
        for first, second in zip(_directions(patch), _directions(wanted), strict=True):
            losses += [(a - b) ** 2 for a, b in zip(first, second, strict=True)]
    return total(losses) / (len(student) * module.grid**2 * teacher.shape[1])


def _patches(maps: Any, number: int) -> list[Any]:
    """By image; where it does not divide a side, the first are one longer."""
    found = []
    for image in maps:
        rows, columns = (
            [sum(lengths[:k]) for k in range(number + 1)]
            for lengths in (
                [size // number + (k < size % number) for k in range(number)]
                for size in (len(image[0]), len(image[0][0]))
            )
        )
        for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns)):
            found.append([[row[left:right] for row in c[top:bottom]] for c in image])
    return found


def _directions(patch: Any) -> list[Scalars]:
    """By channel, its products with all channels, as a vector of length 1."""
    channels = [[x for row in channel for x in row] for channel in patch]
    products = [[dot(first, second) for second in channels] for first in channels]
    return [[x / dot(row, row).sqrt() for x in row] for row in products]
