"""Slow references for the losses of all pairs of positions, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil
from typing import Any

from torch import Tensor

from .references_maps import columns, images, inside
from .scalars import Scalars, divergence, dot, mean, softmax

__all__ = ['reference_cirkd', 'reference_pairwise']


def reference_pairwise(
    student: Tensor,
    teacher: Tensor,
    shapes: Any,
    image_size: Any,
    *,
    scale: float = 0.5,
) -> Tensor:
    losses = []
    both = (_cells(maps, shapes, image_size, scale) for maps in (student, teacher))
    for own, wanted in zip(*both, strict=True):
        for p, q in product(range(len(own)), repeat=2):
            gap = dot(own[p], own[q]) - dot(wanted[p], wanted[q])
            losses.append(gap**2)
    return mean(losses)


def _cells(
    maps: Tensor, shapes: Any, image_size: Any, scale: float
) -> list[list[Scalars]]:
    """By image, the vectors of the cells that have a position inside of the image."""
    height, width = maps.shape[2:]
    rows, across = max(int(height * scale), 1), max(int(width * scale), 1)
    found = []
    for channels, kept in zip(
        images(maps), inside(maps, shapes, image_size), strict=True
    ):
        cells: list[Scalars] = []
        for i, j in product(range(ceil(height / rows)), range(ceil(width / across))):
            members = [
                number
                for number in kept
                if number // width // rows == i and number % width // across == j
            ]
            if members:
                largest = [max(values[n] for n in members) for values in channels]
                length = dot(largest, largest).sqrt().detach()  # a constant
                cells.append([x / length for x in largest])
        found.append(cells)
    return found


def reference_cirkd(
    student: Tensor,
    teacher: Tensor,
    shapes: Any,
    image_size: Any,
    *,
    temperature: float = 0.1,
) -> Tensor:
    own, wanted = (
        [
            [_unit(vector) for vector in image]
            for image in columns(maps, shapes, image_size)
        ]
        for maps in (student, teacher)
    )
    of_pairs = []
    for i, j in product(range(len(own)), repeat=2):
        of_rows = []
        for p in range(len(own[i])):
            of_models = [
                softmax([dot(image[i][p], other) for other in image[j]], temperature)
                for image in (wanted, own)
            ]
            of_rows.append(divergence(*of_models))
        of_pairs.append(mean(of_rows))
    return mean(of_pairs)


def _unit(vector: Sequence[Tensor]) -> Scalars:
    length = dot(vector, vector).sqrt()
    return [x / length for x in vector]
