"""A slow reference for WKD-F: cell by cell of each channel."""

from __future__ import annotations

from itertools import product
from math import ceil, floor
from typing import Any

from torch import Tensor

from .references_connectors import batch_norm, convolution, grid
from .scalars import Scalars, mean, total

__all__ = ['reference_wkdf']


def reference_wkdf(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (regressor,), (norm,) = module.regressors, module.norms
    own = batch_norm(convolution(grid(student), regressor.weight), norm)
    losses = []
    for image, wanted_image in zip(own, grid(teacher), strict=True):
        for channel, wanted in zip(image, wanted_image, strict=True):
            if module.relu:
                channel = [[x.clamp(min=0) for x in row] for row in channel]
            for cell in product(range(module.grid), repeat=2):
                s, t = (moments(rows, cell, module.grid) for rows in (channel, wanted))
                losses.append(module.mean_weight * (s[0] - t[0]) ** 2)
                losses.append((s[1] - t[1]) ** 2)
    return total(losses) / (len(student) * module.grid**2)


def moments(rows: Any, cell: tuple[int, ...], cells: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a channel in one cell."""
    kept = [
        range(floor(number * length / cells), ceil((number + 1) * length / cells))
        for number, length in zip(cell, (len(rows), len(rows[0])), strict=True)
    ]
    values: Scalars = [rows[i][j] for i, j in product(*kept)]
    centre = mean(values)
    squares = total((value - centre) ** 2 for value in values)
    return centre, (squares / max(len(values) - 1, 1) + 1e-5).sqrt()
