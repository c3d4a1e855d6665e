"""Slow references for the losses of all places of a dense head."""

from __future__ import annotations

from torch import Tensor

from .scalars import divergence, softmax, total


def reference_qualityfocalkd(
    student: Tensor, teacher: Tensor, assigned: Tensor, beta: float = 1.0
) -> Tensor:
    losses = []
    for s_row, t_row in zip(student, teacher, strict=True):
        for s, t in zip(s_row, t_row, strict=True):
            p, q = (1 / (1 + (-z).exp()) for z in (s, t))
            entropy = -(q * p.log() + (1 - q) * (1 - p).log())
            losses.append((p - q).abs() ** beta * entropy)
    return total(losses) / max(sum(map(bool, assigned)), 1)


def reference_distributionkd(
    student: Tensor, teacher: Tensor, scores: Tensor, temperature: float = 1.0
) -> Tensor:
    losses = [
        w * divergence(softmax(t, temperature), softmax(s, temperature))
        for s, t, w in zip(student, teacher, scores, strict=True)
    ]
    return temperature**2 * total(losses) / total(scores)


def reference_boxioukd(
    student: Tensor,
    teacher: Tensor,
    scores: Tensor,
    mode: str = 'giou',
    l1_weight: float = 0.0,
) -> Tensor:
    losses = [
        w * (1 - overlap(upright(s), upright(t), mode) + l1_weight * gap(s, t))
        for s, t, w in zip(student, teacher, scores, strict=True)
    ]
    return total(losses) / total(scores)


def gap(first: Tensor, second: Tensor) -> Tensor:
    """The mean absolute difference of center and size."""
    gaps = []
    for low, high in ((0, 2), (1, 3)):
        centers, sizes = zip(
            *(((a[low] + a[high]) / 2, a[high] - a[low]) for a in (first, second)),
            strict=True,
        )
        gaps += [abs(centers[0] - centers[1]), abs(sizes[0] - sizes[1])]
    return total(gaps) / 4


def upright(box: Tensor) -> list[Tensor]:
    x1, y1, x2, y2 = box
    return [x1, y1, max(x1, x2), max(y1, y2)]


def overlap(first: list[Tensor], second: list[Tensor], mode: str) -> Tensor:
    """With 1e-7 added to each area that is divided by."""
    zero = 0 * first[0]
    inner, outer = [], []
    sizes: list[list[Tensor]] = [[], []]
    for low, high in ((0, 2), (1, 3)):
        inner.append(
            max(min(first[high], second[high]) - max(first[low], second[low]), zero)
        )
        outer.append(max(first[high], second[high]) - min(first[low], second[low]))
        for size, box in zip(sizes, (first, second), strict=True):
            size.append(box[high] - box[low])
    both = inner[0] * inner[1]
    union = sizes[0][0] * sizes[0][1] + sizes[1][0] * sizes[1][1] - both
    iou = both / (union + 1e-7)
    hull = outer[0] * outer[1]
    return iou if mode == 'iou' else iou - (hull - union) / (hull + 1e-7)
