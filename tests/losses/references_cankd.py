"""A slow reference for CanKD: all pairs of positions, as its paper has them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .references_connectors import Grid, batch_norm, convolution, grid, tensor
from .scalars import Scalars, dot, mean

__all__ = ['reference_cankd']


def reference_cankd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (layer,) = module.attentions
    if student.shape[1] != teacher.shape[1]:
        student = tensor(convolution(grid(student), layer.align.weight))
    queries, keys, values = (
        convolution(grid(maps), conv.weight, conv.bias)
        for maps, conv in (
            (student, layer.query),
            (teacher, layer.key),
            (teacher, layer.value),
        )
    )
    attended = [
        _attended(*both)
        for both in zip(queries, _pooled(keys), _pooled(values), strict=True)
    ]
    outputs = batch_norm(convolution(attended, layer.output.weight), _NoBias(layer))
    both = (_instance_norm(tensor(outputs) + student), _instance_norm(teacher))
    gaps = [a - b for a, b in zip(*(list(one.flatten()) for one in both), strict=True)]
    return mean([gap**2 for gap in gaps]) / 2


class _NoBias:
    """The factors of the normalisation, in the form of the one that has a bias."""

    def __init__(self, layer: Any) -> None:
        self.weight = layer.norm.weight
        self.bias = torch.zeros_like(self.weight)


def _attended(query: Any, keys: Any, values: Any) -> list[list[list[Tensor]]]:
    """By channel, row and column, the mean over the teacher's positions."""
    at_key, at_value = _columns(keys), _columns(values)
    found = []
    for number in range(len(values)):
        found.append(
            [
                [
                    mean(
                        [
                            dot(column, key) * value[number]
                            for key, value in zip(at_key, at_value, strict=True)
                        ]
                    )
                    for column in zip(*rows, strict=True)
                ]
                for rows in zip(*query, strict=True)
            ]
        )
    return found


def _columns(maps: Any) -> list[Any]:
    """The vector of each position."""
    flat = [[x for row in channel for x in row] for channel in maps]
    return list(zip(*flat, strict=True))


def _pooled(maps: Grid) -> Grid:
    """The largest of each 2 x 2; what is left over at the border does not count."""
    return [
        [
            [
                [
                    max(channel[i + a][j + b] for a in (0, 1) for b in (0, 1))
                    for j in range(0, len(channel[0]) - 1, 2)
                ]
                for i in range(0, len(channel) - 1, 2)
            ]
            for channel in image
        ]
        for image in maps
    ]


def _instance_norm(maps: Tensor) -> Tensor:
    scaled = [[_standardized(list(c.flatten())) for c in image] for image in maps]
    return torch.stack(
        [torch.stack([torch.stack(channel) for channel in image]) for image in scaled]
    )


def _standardized(values: Scalars) -> list[Tensor]:
    centre = mean(values)
    variance = mean([(x - centre) ** 2 for x in values])
    return [(x - centre) / (variance + 1e-5).sqrt() for x in values]
