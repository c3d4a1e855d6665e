"""The slow loop of TaT: one position of the student after the other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .references_connectors import batch_norm, convolution, grid
from .scalars import dot, mean, softmax


def reference_tat(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    """By position of the student: shares of the teacher's positions, then values."""
    (query,), (value,) = (
        [batch_norm(convolution(grid(student), conv.weight), norm) for conv, norm in of]
        for of in (module.queries, module.values)
    )
    errors = []
    for q_image, v_image, wanted in zip(query, value, teacher, strict=True):
        channels = [list(channel.flatten()) for channel in wanted]
        queries, values, keys = (
            list(zip(*maps, strict=True))
            for maps in (_flat(q_image), _flat(v_image), channels)
        )
        for q, key in zip(queries, keys, strict=True):
            shares = softmax([dot(q, k) for k in keys], 1)
            for c, expected in enumerate(key):
                attended = dot(shares, [v[c] for v in values])
                errors.append((attended - expected) ** 2)
    return mean(errors)


def _flat(image: Any) -> list[list[Tensor]]:
    return [[x for row in channel for x in row] for channel in image]
