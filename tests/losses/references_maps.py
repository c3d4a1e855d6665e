"""Slow references for the losses of feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, floor
from typing import Any

from torch import Tensor

from .scalars import (
    Scalars,
    cosine,
    divergence,
    dot,
    mean,
    softmax,
    standardized,
    total,
)


def images(maps: Tensor) -> list[list[list[Tensor]]]:
    """By image and channel, the list of all positions."""
    return [[list(channel.flatten()) for channel in image] for image in maps]


def squared_distance(first: Scalars, second: Scalars) -> Tensor:
    return total((a - b) ** 2 for a, b in zip(first, second, strict=True))


def reference_at(student: Tensor, teacher: Tensor, *, p: float) -> Tensor:
    losses = []
    for pair in zip(images(student), images(teacher), strict=True):
        attentions = []
        for channels in pair:
            columns = zip(*channels, strict=True)
            energy = [mean([x.abs() ** p for x in column]) for column in columns]
            attentions.append([e / dot(energy, energy).sqrt() for e in energy])
        losses.append(squared_distance(*attentions) / len(attentions[0]))
    return mean(losses)


def inside(maps: Tensor, shapes: Any, image_size: Any) -> list[list[int]]:
    """By image, the numbers of the positions whose centre is not in the padding."""
    height, width = maps.shape[2:]
    return [
        [
            i * width + j
            for i, j in product(range(height), range(width))
            if (i + 0.5) / height < shape[0] / image_size[0]
            and (j + 0.5) / width < shape[1] / image_size[1]
        ]
        for shape in shapes
    ]


def columns(maps: Tensor, shapes: Any, image_size: Any) -> list[list[Scalars]]:
    """By image, the vectors of the positions that are not in the padding."""
    by_image = [list(zip(*channels, strict=True)) for channels in images(maps)]
    kept = inside(maps, shapes, image_size)
    return [
        [vectors[number] for number in numbers]
        for vectors, numbers in zip(by_image, kept, strict=True)
    ]


def reference_gram(
    student: Tensor, teacher: Tensor, shapes: Any, image_size: Any
) -> Tensor:
    losses = []
    both = (columns(maps, shapes, image_size) for maps in (student, teacher))
    for own, wanted in zip(*both, strict=True):
        for p, q in product(range(len(own)), repeat=2):
            gap = cosine(own[p], own[q]) - cosine(wanted[p], wanted[q])
            losses.append(gap**2)
    return mean(losses)


def reference_nst(student: Tensor, teacher: Tensor) -> Tensor:
    def kernel(first: list[list[Tensor]], second: list[list[Tensor]]) -> Tensor:
        return mean([cosine(a, b) ** 2 for a, b in product(first, second)])

    losses = []
    for s, t in zip(images(student), images(teacher), strict=True):
        losses.append(kernel(t, t) + kernel(s, s) - 2 * kernel(s, t))
    return mean(losses)


def pooled(maps: Tensor, size: int) -> list[Tensor]:
    """Averages over the windows of adaptive pooling to (size, size)."""
    height, width = maps.shape[2:]
    averages = []
    for channel in maps.flatten(0, 1):
        for i, j in product(range(size), repeat=2):
            rows = range(floor(i * height / size), ceil((i + 1) * height / size))
            columns = range(floor(j * width / size), ceil((j + 1) * width / size))
            averages.append(mean([channel[h, w] for h, w in product(rows, columns)]))
    return averages


def reference_hcl(student: Tensor, teacher: Tensor) -> Tensor:
    pairs = [(list(student.flatten()), list(teacher.flatten()))]
    for size in (4, 2, 1):
        if size < student.shape[2]:
            pairs.append((pooled(student, size), pooled(teacher, size)))
    weights = [1 / 2**k for k in range(len(pairs))]
    errors = [squared_distance(s, t) / len(s) for s, t in pairs]
    weighted = [w * error for w, error in zip(weights, errors, strict=True)]
    return total(weighted) / sum(weights)


def reference_catkd(
    student: Tensor, teacher: Tensor, *, size: int = 2, normalize: bool = False
) -> Tensor:
    both = []
    for maps in (student, teacher):
        values = pooled(maps, size)
        starts = range(0, len(values), size**2)
        by_class = [values[start : start + size**2] for start in starts]
        if normalize:
            by_class = [[v / dot(one, one).sqrt() for v in one] for one in by_class]
        both.append([value for one in by_class for value in one])
    return squared_distance(*both) / len(both[0])


def reference_gld(
    student: Tensor,
    teacher: Tensor,
    *,
    tiles: int = 2,
    global_weight: float = 0.7,
    local_weight: float = 1.0,
    relation_weight: float = 500.0,
) -> Tensor:
    both = []
    for maps in (student, teacher):
        rows = [[mean(channel) for channel in image] for image in images(maps)]
        for image in maps:  # by tile, the classes
            by_class = [pooled(channel[None, None], tiles) for channel in image]
            rows += [list(row) for row in zip(*by_class, strict=True)]
        both.append(rows)
    values, count = [], len(student)
    for number, (s, t) in enumerate(zip(*both, strict=True)):
        weight = global_weight if number < count else local_weight
        s, t = standardized(s), standardized(t)
        values.append(weight * divergence(softmax(t, 1), softmax(s, 1)) / count)
    gaps = []
    for s, t in zip(*map(relations, both), strict=True):
        gaps.append(squared_distance(s, t))
    return total(values) + relation_weight * total(gaps) / len(gaps) ** 2


def relations(rows: list[list[Tensor]]) -> list[Scalars]:
    """By row, its squared distances from all rows, of length 1."""
    found = [[squared_distance(a, b) for b in rows] for a in rows]
    lengths = [dot(one, one).sqrt() for one in found]
    return [
        [d / length if length else d for d in one]
        for one, length in zip(found, lengths, strict=True)
    ]


def reference_cwd(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    losses = []
    for s_image, t_image in zip(images(student), images(teacher), strict=True):
        for s, t in zip(s_image, t_image, strict=True):
            losses.append(divergence(softmax(t, temperature), softmax(s, temperature)))
    return temperature**2 * mean(losses)


def reference_pkd(student: Tensor, teacher: Tensor) -> Tensor:
    errors = []
    for c in range(student.shape[1]):
        scaled = []
        for maps in (student, teacher):
            values = list(maps[:, c].flatten())
            centred = [x - mean(values) for x in values]
            deviation = (dot(centred, centred) / (len(values) - 1)).sqrt()
            scaled.append([x / (deviation + 1e-6) for x in centred])
        errors.append(squared_distance(*scaled) / len(scaled[0]))
    return mean(errors) / 2


def reference_sdd(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    sizes: Sequence[int],
    temperature: float = 4.0,
    complementary_weight: float = 2.0,
) -> Tensor:
    losses = []
    for s, t, y in zip(student, teacher, target.tolist(), strict=True):
        is_right = predicted(region(t, 1, 0, 0)) == y
        for size in sizes:
            for i, j in product(range(size), repeat=2):
                own, wanted = region(s, size, i, j), region(t, size, i, j)
                both = softmax(wanted, temperature), softmax(own, temperature)
                agrees = (predicted(wanted) == y) == is_right
                weight = 1.0 if agrees else complementary_weight
                losses.append(weight * divergence(*both))
    return temperature**2 * mean(losses)


def region(image: Tensor, size: int, i: int, j: int) -> list[Tensor]:
    """The means of all channels in a cell of `size` x `size`."""
    rows, columns = (
        range(floor(number * length / size), ceil((number + 1) * length / size))
        for number, length in zip((i, j), image.shape[1:], strict=True)
    )
    cell = [*product(rows, columns)]
    return [mean([channel[place] for place in cell]) for channel in image]


def predicted(logits: Scalars) -> int:
    return max(range(len(logits)), key=lambda c: float(logits[c]))
