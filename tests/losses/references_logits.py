"""Slow references for the losses of logits that came after the first four."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .references import reference_kd
from .scalars import Scalars, cosine, divergence, dot, mean, softmax, table, total


def gram_distance(s: Sequence[Scalars], t: Sequence[Scalars]) -> Tensor:
    """Mean over rows i of the sum over j of the squared difference of dot products."""
    squares = [
        (dot(s[i], s[j]) - dot(t[i], t[j])) ** 2
        for i in range(len(s))
        for j in range(len(s))
    ]
    return total(squares) / len(s)


def reference_mlkd(
    student: Tensor,
    teacher: Tensor,
    *,
    temperatures: Sequence[float] = (2.0, 3.0, 4.0, 5.0, 6.0),
    standardize: bool = False,
) -> Tensor:
    parts = []
    for temperature in temperatures:
        s = [softmax(row, temperature) for row in table(student, standardize)]
        t = [softmax(row, temperature) for row in table(teacher, standardize)]
        by_class = gram_distance(list(zip(*s, strict=True)), list(zip(*t, strict=True)))
        kd = reference_kd(
            student, teacher, temperature=temperature, standardize=standardize
        )
        parts += [kd, gram_distance(s, t), by_class]
    return total(parts)


def reference_nkd(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    gamma: float,
    temperature: float,
) -> Tensor:
    losses = []
    for s, t, y in zip(table(student), table(teacher), target.tolist(), strict=True):
        own = softmax(t, 1.0)[y] * softmax(s, 1.0)[y].log()
        n_s = softmax(s[:y] + s[y + 1 :], temperature)
        n_t = softmax(t[:y] + t[y + 1 :], temperature)
        others = dot(n_t, [n.log() for n in n_s])
        losses.append(-own - gamma * temperature**2 * others)
    return mean(losses)


def reference_ofa(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    epsilon: float,
    temperature: float,
) -> Tensor:
    losses = []
    for s, t, y in zip(table(student), table(teacher), target.tolist(), strict=True):
        p_s, p_t = softmax(s, temperature), softmax(t, temperature)
        for c in range(len(s)):
            own = float(c == y)
            losses.append(-((p_t[c] + own) ** epsilon - own) * p_s[c].log())
    return total(losses) / len(student)


def reference_hardkd(
    student: Tensor,
    teacher: Tensor,
    epoch: float,
    *,
    class_counts: Sequence[int] | None = None,
    beta: float = 0.9999,
    reweight_from: float = 0.0,
) -> Tensor:
    weights = [1.0] * student.shape[1]
    if class_counts is not None and epoch >= reweight_from:
        weights = [(1 - beta) / (1 - beta**count) for count in class_counts]
    losses, mass = [], 0.0
    for s, t in zip(table(student), table(teacher), strict=True):
        y = max(range(len(t)), key=lambda c: t[c])
        losses.append(-weights[y] * softmax(s, 1.0)[y].log())
        mass += weights[y]
    return total(losses) / mass


def reference_pld(
    student: Tensor, teacher: Tensor, target: Tensor, *, temperature: float
) -> Tensor:
    losses = []
    for s, t, y in zip(table(student), table(teacher), target.tolist(), strict=True):
        others = [c for c in range(len(t)) if c != y]
        order = [y, *sorted(others, key=lambda c: float(t[c]), reverse=True)]
        weights = softmax(t, temperature)
        for k, c in enumerate(order):
            remaining = total(s[later].exp() for later in order[k:])
            losses.append(weights[c] * (remaining.log() - s[c]))
    return total(losses) / len(student)


def reference_js(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    losses = []
    for s, t in zip(table(student), table(teacher), strict=True):
        p_s, p_t = softmax(s, temperature), softmax(t, temperature)
        middle = [(a + b) / 2 for a, b in zip(p_s, p_t, strict=True)]
        losses.append((divergence(p_t, middle) + divergence(p_s, middle)) / 2)
    return temperature**2 * mean(losses)


def reference_sinkd(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float,
    epsilon: float,
    num_iterations: int,
) -> Tensor:
    s = [softmax(row, temperature) for row in table(student)]
    t = [softmax(row, temperature) for row in table(teacher)]
    cost = [[total(map(abs_difference, a, b)) for b in t] for a in s]
    plan = [[(-w / epsilon).exp() for w in row] for row in cost]
    for _ in range(num_iterations):
        plan = [[p / total(row) for p in row] for row in plan]
        sums = [total(column) for column in zip(*plan, strict=True)]
        plan = [[p / c for p, c in zip(row, sums, strict=True)] for row in plan]
    return total(dot(p, w) for p, w in zip(plan, cost, strict=True)) / len(s)


def abs_difference(first: Tensor, second: Tensor) -> Tensor:
    return torch.abs(first - second)


def reference_bdkd(
    student: Tensor, teacher: Tensor, *, emphasis: float, temperature: float
) -> Tensor:
    losses = []
    for s, t in zip(table(student), table(teacher), strict=True):
        p_s, p_t = softmax(s, temperature), softmax(t, temperature)
        entropy_s, entropy_t = (-dot(p, [q.log() for q in p]) for p in (p_s, p_t))
        spread, concentrate = divergence(p_t, p_s), divergence(p_s, p_t)
        if entropy_s < entropy_t:
            losses.append(emphasis * spread + concentrate)
        else:
            losses.append(spread + emphasis * concentrate)
    return temperature**2 * mean(losses)


def reference_taid(
    student: Tensor, teacher: Tensor, progress: float, *, start: float = 0.4
) -> Tensor:
    """In the first step, whose target has the share `start` of the teacher."""
    losses = []
    for s, t in zip(table(student), table(teacher), strict=True):
        target = softmax(
            [(1 - start) * a.detach() + start * b for a, b in zip(s, t, strict=True)], 1
        )
        losses.append(-dot(target, [p.log() for p in softmax(s, 1)]))
    return mean(losses)


def reference_ctkd(
    student: Tensor,
    teacher: Tensor,
    epoch: float,
    *,
    min_temperature: float,
    temperature_range: float,
    **others: Any,
) -> Tensor:
    """At the score of 1 with which every module starts."""
    temperature = min_temperature + temperature_range / (1 + math.exp(-1.0))
    standardize = others.get('standardize', False)
    return reference_kd(
        student, teacher, temperature=temperature, standardize=standardize
    )


def reference_rld(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float,
    beta: float,
    temperature: float,
    confidence_temperature: float,
) -> Tensor:
    losses = []
    for s, t, y in zip(table(student), table(teacher), target.tolist(), strict=True):
        sure_s = softmax(s, confidence_temperature)[y]
        sure_t = max(softmax(t, confidence_temperature))
        confidence = divergence([sure_t, 1 - sure_t], [sure_s, 1 - sure_s])
        kept = [c for c in range(len(t)) if t[c] < t[y]]
        m_s = softmax([s[c] for c in kept], temperature)
        m_t = softmax([t[c] for c in kept], temperature)
        below = divergence(m_t, m_s)
        losses.append(
            alpha * confidence_temperature**2 * confidence
            + beta * temperature**2 * below
        )
    return mean(losses)


def reference_ttm(
    student: Tensor, teacher: Tensor, *, gamma: float, weighted: bool = True
) -> Tensor:
    losses = []
    for s, t in zip(table(student), table(teacher), strict=True):
        powers = [p**gamma for p in softmax(t, 1.0)]
        target = [power / total(powers) for power in powers]
        losses.append(divergence(target, softmax(s, 1.0)))
        if weighted:
            losses[-1] = total(powers) * losses[-1]
    return mean(losses)


def reference_wkdl(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    classifier: Tensor,
    *,
    gamma: float = 30.0,
    temperature: float = 2.0,
    sharpness: float | None = 1.0,
    epsilon: float = 0.05,
    num_iterations: int = 10,
) -> Tensor:
    """By row, as the authors have it: the target's row and column are cut out."""
    losses = []
    for s, t, y in zip(table(student), table(teacher), target.tolist(), strict=True):
        own = softmax(t, 1.0)[y] * softmax(s, 1.0)[y].log()
        kept = [c for c in range(len(s)) if c != y]
        costs = [
            [abs(1 - cosine([*classifier[a]], [*classifier[b]])) for b in kept]
            for a in kept
        ]
        if sharpness is not None:
            costs = [[1 - (-sharpness * cost).exp() for cost in row] for row in costs]
        plan = sinkhorn(
            softmax([s[c] for c in kept], temperature),
            softmax([t[c] for c in kept], temperature),
            [[(-cost / epsilon).exp() for cost in row] for row in costs],
            num_iterations,
        )
        moved = total(dot(p, c) for p, c in zip(plan, costs, strict=True))
        losses.append(gamma * moved - own)
    return mean(losses)


def sinkhorn(
    rows: Scalars, columns: Scalars, kernel: list[list[Tensor]], num_iterations: int
) -> list[list[Tensor]]:
    """The plan whose rows have these sums, and whose columns nearly have theirs."""
    u: Scalars = [torch.ones((), dtype=torch.float64) / len(rows)] * len(rows)
    for _ in range(num_iterations):
        by_column = zip(columns, zip(*kernel, strict=True), strict=True)
        v = [mass / dot(u, entries) for mass, entries in by_column]
        u = [mass / dot(v, entries) for mass, entries in zip(rows, kernel, strict=True)]
    return [
        [a * entry * b for entry, b in zip(row, v, strict=True)]
        for a, row in zip(u, kernel, strict=True)
    ]
