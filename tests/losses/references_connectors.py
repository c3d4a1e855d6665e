"""Slow references for the losses of feature maps that have parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .scalars import total

__all__ = ['Grid', 'convolution', 'grid', 'reference_fitnet']

Grid = list[list[list[list[Tensor]]]]
"""Scalars by image, channel, row and column."""


def grid(maps: Tensor) -> Grid:
    return [[[list(row) for row in channel] for channel in image] for image in maps]


def convolution(
    maps: Sequence[Any], weight: Tensor, bias: Tensor | None = None
) -> Grid:
    """One output at a time; `maps` is a grid, its border counts as 0."""
    reach = weight.shape[2] // 2
    return [
        [
            [
                [
                    _window(image, kernel, i - reach, j - reach)
                    + (0.0 if bias is None else bias[number])
                    for j in range(len(image[0][0]))
                ]
                for i in range(len(image[0]))
            ]
            for number, kernel in enumerate(weight)
        ]
        for image in maps
    ]


def _window(image: Sequence[Any], kernel: Tensor, top: int, left: int) -> Tensor:
    products = [
        kernel[c, i, j] * channel[top + i][left + j]
        for c, channel in enumerate(image)
        for i in range(kernel.shape[1])
        for j in range(kernel.shape[2])
        if 0 <= top + i < len(channel) and 0 <= left + j < len(channel[0])
    ]
    return total(products)


def reference_fitnet(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (regressor,) = module.regressors
    outputs = convolution(grid(student), regressor.weight, regressor.bias)
    errors = [
        (output - wanted) ** 2
        for image, wanted_image in zip(outputs, grid(teacher), strict=True)
        for channel, wanted_channel in zip(image, wanted_image, strict=True)
        for row, wanted_row in zip(channel, wanted_channel, strict=True)
        for output, wanted in zip(row, wanted_row, strict=True)
    ]
    return total(errors) / len(errors)
