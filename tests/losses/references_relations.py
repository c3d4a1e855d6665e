"""Slow references for the losses of relations between the rows of a batch."""

from __future__ import annotations

import math

from torch import Tensor

from .scalars import Scalars, cosine, dot, mean, table, total

Table = list[list[Tensor]]


def minus(first: Scalars, second: Scalars) -> list[Tensor]:
    return [a - b for a, b in zip(first, second, strict=True)]


def smooth_l1(first: Tensor, second: Tensor) -> Tensor:
    gap = (first - second).abs()
    return gap**2 / 2 if gap < 1 else gap - 0.5


def distances(rows: Table) -> dict[tuple[int, int], Tensor]:
    """By pair of different rows, in units of the mean."""
    found = {
        (i, j): dot(minus(a, b), minus(a, b)).sqrt()
        for i, a in enumerate(rows)
        for j, b in enumerate(rows)
        if i != j
    }
    return {pair: d / mean(list(found.values())) for pair, d in found.items()}


def angles(rows: Table) -> dict[tuple[int, int, int], Tensor]:
    """By vertex and two others, which may be one row."""
    count = range(len(rows))
    return {
        (i, j, k): cosine(minus(rows[j], rows[i]), minus(rows[k], rows[i]))
        for i in count
        for j in count
        for k in count
        if i not in (j, k)
    }


def reference_rkd(
    student: Tensor, teacher: Tensor, *, distance_weight: float, angle_weight: float
) -> Tensor:
    s, t = table(student), table(teacher)
    size = len(s)
    d_s, d_t, a_s, a_t = distances(s), distances(t), angles(s), angles(t)
    by_pair = total(smooth_l1(d_s[pair], d_t[pair]) for pair in d_s) / size**2
    by_triplet = total(smooth_l1(a_s[three], a_t[three]) for three in a_s) / size**3
    value = distance_weight * by_pair + angle_weight * by_triplet
    return value + 0.0 * student.sum()  # a graph for a single row


def edges(rows: Table) -> list[Tensor]:
    """Squared distances of all ordered pairs, by the largest."""
    found = [dot(minus(a, b), minus(a, b)) for a in rows for b in rows]
    largest = max(found)
    return [d / largest if largest else d for d in found]


def reference_irg(
    student: Tensor,
    teacher: Tensor,
    *,
    edge_weight: float = 5.0,
    transformation_weight: float = 5.0,
) -> Tensor:
    """Of one layer, which has no transformation."""
    gap = minus(edges(table(student)), edges(table(teacher)))
    return edge_weight * dot(gap, gap) / len(gap)


def reference_sp(student: Tensor, teacher: Tensor) -> Tensor:
    matrices = []
    for rows in (table(student), table(teacher)):
        gram = [[dot(a, b) for b in rows] for a in rows]
        matrices.append([[g / dot(row, row).sqrt() for g in row] for row in gram])
    return squared_difference(*matrices)


def squared_difference(first: Table, second: Table) -> Tensor:
    gaps = [minus(a, b) for a, b in zip(first, second, strict=True)]
    return mean([dot(gap, gap) for gap in gaps]) / len(first)


def reference_pkt(student: Tensor, teacher: Tensor) -> Tensor:
    matrices = []
    for rows in (table(student), table(teacher)):
        unit = [[x / (dot(row, row).sqrt() + 1e-7) for x in row] for row in rows]
        similar = [[(dot(a, b) + 1) / 2 for b in unit] for a in unit]
        matrices.append([[p / total(row) for p in row] for row in similar])
    size = len(student)
    return total(
        t * ((t + 1e-7) / (s + 1e-7)).log()
        for s_row, t_row in zip(*matrices, strict=True)
        for s, t in zip(s_row, t_row, strict=True)
    ) / (size * size)


def reference_cc(student: Tensor, teacher: Tensor, *, gamma: float) -> Tensor:
    matrices = []
    for rows in (table(student), table(teacher)):
        exponents = [[2 * gamma * cosine(a, b) for b in rows] for a in rows]
        taylor = [[1 + x + x * x / 2 for x in row] for row in exponents]
        matrices.append([[math.exp(-2 * gamma) * k for k in row] for row in taylor])
    return squared_difference(*matrices)
