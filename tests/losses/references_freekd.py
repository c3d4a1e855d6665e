"""The slow loop of FreeKD: one block of a Haar transform after the other."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor

from .references_connectors import convolution, grid, tensor
from .scalars import total


def reference_freekd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """Block of four by block of four, on each model by itself."""
    (conv,) = module.projections
    outputs = tensor(convolution(grid(student), conv.weight, conv.bias))
    losses = []
    for _ in range(module.num_scales):
        (outputs, own), (teacher, wanted) = _haar(outputs), _haar(teacher)
        gaps = [(a - b).abs() for a, b in zip(own, wanted, strict=True)]
        losses.append(total(gaps) / len(gaps))
    return total(losses)


def _haar(maps: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The low band, and all numbers of the three others."""
    low, high = [], []
    for channel in maps.flatten(0, 1):
        height, width = channel.shape
        cells = {(i, j): channel[i, j] for i, j in product(range(height), range(width))}
        for i, j in product(range(0, height, 2), range(0, width, 2)):
            block = (i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1)
            a, b, c, d = (cells.get(one, channel.new_zeros(())) for one in block)
            low.append((a + b + c + d) / 2)
            high += [(a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2]
    size = -(-maps.shape[2] // 2), -(-maps.shape[3] // 2)
    return torch.stack(low).reshape(*maps.shape[:2], *size), high
