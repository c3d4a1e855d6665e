"""Slow reference for DETRDistill's loss of feature maps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .references_maps import columns
from .scalars import dot, total


def cosine(first: Any, second: Any) -> float:
    lengths = dot(first, first).sqrt() * dot(second, second).sqrt()
    return float(dot(first, second) / lengths) if lengths > 1e-12 else 0.0


def mask(positions: Any, queries: Tensor, quality: Tensor) -> list[float]:
    """Of one image and one decoder layer, by position."""
    sums = []
    for position in positions:
        pairs = zip(queries, quality, strict=True)
        found = sum(float(g) * cosine(list(q), position) for q, g in pairs)
        sums.append(max(found, 0.01))
    return [one / max(sums) for one in sums]


def reference_detrdistill(
    student: Tensor,
    teacher: Tensor,
    queries: Tensor,
    quality: Tensor,
    shapes: Any,
    image_size: Any,
) -> Tensor:
    students, teachers = (
        columns(maps, shapes, image_size) for maps in (student, teacher)
    )
    losses = []
    for of_layer, good in zip(queries, quality, strict=True):
        squares = []
        for image, wanted in enumerate(teachers):
            weights = mask(wanted, of_layer[image], good[image])
            found = zip(weights, students[image], wanted, strict=True)
            for weight, own, other in found:
                pairs = zip(own, other, strict=True)
                squares += [(weight * (s - t)) ** 2 for s, t in pairs]
        losses.append(total(squares) / len(squares))
    return total(losses)
