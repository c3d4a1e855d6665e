"""Slow references for the losses that keep something of earlier steps.

Parameters and memories are read from a module that has done no step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .scalars import Scalars, divergence, dot, mean, softmax, table, total


def reference_crd(
    module: Any, student: Tensor, teacher: Tensor, sample_index: Tensor, target: Tensor
) -> Tensor:
    labels = [-1] * len(module.memory.labels)
    for index, label in zip(sample_index.tolist(), target.tolist(), strict=True):
        labels[index] = label
    candidates = draw_candidates(
        labels, sample_index.tolist(), target.tolist(), module.num_negatives
    )
    sides = (
        (module.embed_student, student, module.memory.teacher),
        (module.embed_teacher, teacher, module.memory.student),
    )
    losses = []
    for layer, features, bank in sides:
        entries = table(bank)
        scores = [
            [dot(row, entries[k]) / module.temperature for k in numbers]
            for row, numbers in zip(embedded(layer, features), candidates, strict=True)
        ]
        losses.append(noise_contrast(scores, len(labels)))
    return total(losses)


def reference_nd(
    module: Any, student: Tensor, teacher: Tensor, target: Tensor
) -> Tensor:
    """Class means of the first batch itself; labels may be soft."""
    labels = target.tolist()
    if target.ndim == 1:
        labels = [[float(c == y) for c in range(module.num_classes)] for y in labels]
    rows, others = layer_rows(module.linear, student), table(teacher)
    directions = []
    for c in range(module.num_classes):
        shares = [label[c] for label in labels]
        sums = [
            total(share * value for share, value in zip(shares, column, strict=True))
            for column in zip(*others, strict=True)
        ]
        length = dot(sums, sums).sqrt()
        directions.append([value / length if length else value for value in sums])
    losses = []
    for s, t, label in zip(rows, others, labels, strict=True):
        longer = max(dot(s, s).sqrt(), dot(t, t).sqrt())
        parts = [dot(s, e) * y for e, y in zip(directions, label, strict=True)]
        losses.append(1 - total(parts) / longer)
    return mean(losses)


def reference_dho(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    if module.scale is None:
        return reference_linearkd(module, student, teacher)
    losses = []
    for row, t in zip(student, table(teacher), strict=True):
        length = dot(row, row).sqrt()
        (logits,) = layer_rows(module.linear, row[None] / length)
        both = [
            softmax(one, module.temperature)
            for one in (t, [module.scale * logit for logit in logits])
        ]
        losses.append(module.temperature**2 * divergence(*both))
    return mean(losses)


def reference_linearkd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    losses = []
    for s, t in zip(layer_rows(module.linear, student), table(teacher), strict=True):
        both = [softmax(row, module.temperature) for row in (t, s)]
        losses.append(module.temperature**2 * divergence(*both))
    return mean(losses)


def reference_makd(
    module: Any, student: Tensor, teacher: Tensor, target: Tensor, index: Tensor
) -> Tensor:
    losses = []
    rows = (target if module.by == 'class' else index).tolist()
    for row, logits in zip(rows, layer_rows(module.linear, student), strict=True):
        for answer, logit in zip(module.answers[row].double(), logits, strict=True):
            yes = 1 / (1 + (-logit).exp())
            losses.append(-answer * yes.log() - (1 - answer) * (1 - yes).log())
    return mean(losses)


def embedded(layer: nn.Linear, features: Tensor) -> list[Scalars]:
    """Rows through the layer, scaled to length 1."""
    rows: list[Scalars] = []
    for row in layer_rows(layer, features):
        length = dot(row, row).sqrt()
        rows.append([value / length for value in row])
    return rows


def layer_rows(layer: nn.Linear | None, features: Tensor) -> list[Scalars]:
    if layer is None:
        return [*table(features)]
    weights, biases = table(layer.weight), list(layer.bias)
    return [
        [dot(row, w) + b for w, b in zip(weights, biases, strict=True)]
        for row in table(features)
    ]


def draw_candidates(
    labels: list[int], sample_index: list[int], target: list[int], num_negatives: int
) -> list[list[int]]:
    """The sample itself, and samples of other classes, ordered by class."""
    generator = torch.Generator().manual_seed(0)
    shape = (len(target), num_negatives)
    shares = torch.rand(shape, generator=generator, dtype=torch.float64).tolist()
    candidates = []
    for own, label, row in zip(sample_index, target, shares, strict=True):
        others = [k for k in range(len(labels)) if labels[k] != label]
        others.sort(key=lambda k: labels[k])
        candidates.append([own] + [others[int(u * len(others))] for u in row])
    return candidates


def noise_contrast(scores: list[list[Tensor]], num_samples: int) -> Tensor:
    exponentials = [[score.exp() for score in row] for row in scores]
    everything = [value for row in exponentials for value in row]
    z = float(num_samples * total(everything) / len(everything))
    noise = (len(scores[0]) - 1) / num_samples
    losses = []
    for first, *others in exponentials:
        losses.append(-((first / z) / (first / z + noise)).log())
        losses += [-(noise / (other / z + noise)).log() for other in others]
    return total(losses) / len(scores)
