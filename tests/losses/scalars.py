"""Arithmetic on Python lists of scalar tensors, for the slow references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

__all__ = [
    'Scalars',
    'correlation',
    'cosine',
    'divergence',
    'dot',
    'mean',
    'softmax',
    'standardized',
    'table',
    'total',
]

Scalars = Sequence[Tensor]


def total(values: Iterable[Tensor]) -> Tensor:
    return sum(values, torch.zeros((), dtype=torch.float64))


def mean(values: Scalars) -> Tensor:
    return total(values) / len(values)


def dot(first: Scalars, second: Scalars) -> Tensor:
    return total(a * b for a, b in zip(first, second, strict=True))


def softmax(logits: Scalars, temperature: float) -> list[Tensor]:
    exponentials = [(z / temperature).exp() for z in logits]
    return [e / total(exponentials) for e in exponentials]


def divergence(first: Scalars, second: Scalars) -> Tensor:
    """KL(first || second)."""
    return dot(first, [(p / q).log() for p, q in zip(first, second, strict=True)])


def cosine(first: Scalars, second: Scalars) -> Tensor:
    squares = dot(first, first) * dot(second, second)
    return dot(first, second) / squares.sqrt() if squares else squares * 0


def correlation(first: Scalars, second: Scalars) -> Tensor:
    first = [x - mean(first) for x in first]
    second = [x - mean(second) for x in second]
    variances = dot(first, first) * dot(second, second)
    if variances == 0:
        return torch.zeros((), dtype=torch.float64)
    return dot(first, second) / (variances.sqrt() + 1e-8)


def standardized(logits: Scalars) -> list[Tensor]:
    centred = [z - mean(logits) for z in logits]
    deviation = (dot(centred, centred) / (len(logits) - 1)).sqrt()
    return [z / (deviation + 1e-7) for z in centred]


def table(logits: Tensor, standardize: bool = False) -> list[list[Tensor]]:
    if standardize:
        return [standardized(list(row)) for row in logits]
    return [list(row) for row in logits]
