"""A slow reference for each loss, straight from its formula.

Plain loops over Python lists of scalar tensors; the student's gradient comes from
autograd through those scalars.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ['reference_ckd', 'reference_dist', 'reference_dkd', 'reference_kd']

Scalars = Sequence[Tensor]


def mean(values: Scalars) -> Tensor:
    return sum(values, torch.zeros((), dtype=torch.float64)) / len(values)


def dot(first: Scalars, second: Scalars) -> Tensor:
    return mean([a * b for a, b in zip(first, second, strict=True)]) * len(first)


def softmax(logits: Scalars, temperature: float) -> list[Tensor]:
    exponentials = [(z / temperature).exp() for z in logits]
    return [e / (mean(exponentials) * len(logits)) for e in exponentials]


def divergence(first: Scalars, second: Scalars) -> Tensor:
    """KL(first || second)."""
    return dot(first, [(p / q).log() for p, q in zip(first, second, strict=True)])


def cosine(first: Scalars, second: Scalars) -> Tensor:
    return dot(first, second) / (dot(first, first) * dot(second, second)).sqrt()


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


def reference_ckd(
    student: Tensor, teacher: Tensor, *, temperature: float, anchor: str = 'teacher'
) -> Tensor:
    if anchor == 'both':
        halves = [
            reference_ckd(student, teacher, temperature=temperature, anchor=one)
            for one in ('teacher', 'student')
        ]
        return mean(halves)
    s, t = table(student), table(teacher)
    anchors, candidates = (t, s) if anchor == 'teacher' else (s, t)
    losses = []
    for i, row in enumerate(anchors):
        scores = [cosine(row, candidate) for candidate in candidates]
        losses.append(-softmax(scores, temperature)[i].log())
    return mean(losses)


def reference_kd(
    student: Tensor, teacher: Tensor, *, temperature: float, standardize: bool = False
) -> Tensor:
    pairs = zip(table(student, standardize), table(teacher, standardize), strict=True)
    losses = [
        divergence(softmax(t, temperature), softmax(s, temperature)) for s, t in pairs
    ]
    return temperature**2 * mean(losses)


def reference_dkd(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float,
    beta: float,
    temperature: float,
    standardize: bool = False,
) -> Tensor:
    losses = []
    s_rows, t_rows = table(student, standardize), table(teacher, standardize)
    for s, t, y in zip(s_rows, t_rows, target.tolist(), strict=True):
        own_s, own_t = softmax(s, temperature)[y], softmax(t, temperature)[y]
        target_part = divergence([own_t, 1 - own_t], [own_s, 1 - own_s])
        rest_s, rest_t = s[:y] + s[y + 1 :], t[:y] + t[y + 1 :]
        others = divergence(softmax(rest_t, temperature), softmax(rest_s, temperature))
        losses.append(alpha * target_part + beta * others)
    return temperature**2 * mean(losses)


def reference_dist(
    student: Tensor, teacher: Tensor, *, beta: float, gamma: float, temperature: float
) -> Tensor:
    s = [softmax(row, temperature) for row in table(student)]
    t = [softmax(row, temperature) for row in table(teacher)]
    by_sample = [correlation(a, b) for a, b in zip(s, t, strict=True)]
    by_class = [
        correlation(a, b)
        for a, b in zip(zip(*s, strict=True), zip(*t, strict=True), strict=True)
    ]
    return temperature**2 * (
        beta * (1 - mean(by_sample)) + gamma * (1 - mean(by_class))
    )
