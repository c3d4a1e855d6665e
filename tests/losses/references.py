"""A slow reference for CKD, KD, DKD and DIST, straight from the formulas.

Plain loops over Python lists of scalar tensors; the student's gradient comes from
autograd through those scalars.
"""

from __future__ import annotations

from torch import Tensor

from .scalars import (
    Scalars,
    correlation,
    cosine,
    divergence,
    dot,
    mean,
    softmax,
    table,
)


def reference_ckd(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    image_index: Tensor,
    *,
    temperature: float,
    anchor: str = 'teacher',
    same_class_negatives: bool = True,
    per_image: bool = False,
    positive_in_denominator: bool = True,
    positives: str = 'self',
    background_class: int | None = None,
    center: str | None = None,
    block_size: int | None = None,
) -> Tensor:
    """Blocks change nothing."""
    s, t = (centered(table(logits), center) for logits in (student, teacher))
    classes, images = target.tolist(), image_index.tolist()

    def is_positive(i: int, j: int) -> bool:
        is_class = classes[i] == classes[j] != background_class
        return i == j or (positives == 'class' and is_class)

    def is_candidate(i: int, j: int) -> bool:
        if is_positive(i, j):
            return positive_in_denominator
        is_class = same_class_negatives or classes[i] != classes[j]
        return is_class and (not per_image or images[i] == images[j])

    by_anchor = {'teacher': [(t, s)], 'student': [(s, t)], 'both': [(t, s), (s, t)]}
    losses = []
    for anchors, candidates in by_anchor[anchor]:
        for i, row in enumerate(anchors):
            scores = [(cosine(row, other) / temperature).exp() for other in candidates]
            places = range(len(scores))
            below = [scores[k] for k in places if is_candidate(i, k)]
            above = [scores[j] for j in places if is_positive(i, j)]
            terms = [-(score / sum(below)).log() for score in above if below]
            losses.append(mean(terms) if terms else s[0][0] * 0)
    return mean(losses)


def centered(rows: list[list[Tensor]], center: str | None) -> list[list[Tensor]]:
    """Rows less the mean of each, or less the mean row."""
    if center == 'classes':
        return [[value - mean(row) for value in row] for row in rows]
    if center == 'batch':
        columns = [mean(list(column)) for column in zip(*rows, strict=True)]
        return [
            [value - mean_value for value, mean_value in zip(row, columns, strict=True)]
            for row in rows
        ]
    return rows


def reference_kd(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float,
    standardize: bool = False,
    restore_scale: bool = False,
) -> Tensor:
    if restore_scale:
        return reference_normkd(student, teacher, temperature)
    pairs = zip(table(student, standardize), table(teacher, standardize), strict=True)
    losses = [
        divergence(softmax(t, temperature), softmax(s, temperature)) for s, t in pairs
    ]
    return temperature**2 * mean(losses)


def reference_normkd(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    losses = []
    for s, t in zip(table(student), table(teacher), strict=True):
        spread_s, spread_t = deviation(s), deviation(t)
        p_s = softmax([z / spread_s for z in s], temperature)
        p_t = softmax([z / spread_t for z in t], temperature)
        losses.append((temperature * spread_t) ** 2 * divergence(p_t, p_s))
    return mean(losses)


def deviation(row: Scalars) -> Tensor:
    gaps = [z - mean(row) for z in row]
    return (dot(gaps, gaps) / (len(row) - 1)).sqrt()


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
