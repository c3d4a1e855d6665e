"""Slow references of the losses that read the student alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .scalars import Scalars, dot, mean, softmax, table, total

__all__ = ['reference_uskd']


def reference_uskd(
    module: Any, student: Tensor, layer: Tensor, target: Tensor
) -> Tensor:
    loss = module.loss
    pooled = layer.mean(dim=(2, 3)) if layer.ndim == 4 else layer
    labels = [_labels(one) for one in target]
    logits = table(student)
    probabilities = [softmax(row, 1.0) for row in logits]
    num_slots = max(map(len, labels), default=1)
    means = []
    for slot in range(num_slots):
        there = [i for i, one in enumerate(labels) if slot < len(one)]
        means.append(mean([probabilities[i][labels[i][slot][0]] ** 2 for i in there]))
    losses = []
    for row, p, one, rows in zip(logits, probabilities, labels, pooled, strict=True):
        soft = [
            (p[c] ** 2 + value - means[slot]).detach()
            for slot, (c, value) in enumerate(one)
        ]
        of_target = -total(q * p[c].log() for q, (c, _) in zip(soft, one, strict=True))
        w = softmax(
            [
                dot(weight, rows) + bias
                for weight, bias in zip(loss.weak.weight, loss.weak.bias, strict=True)
            ],
            1.0,
        )
        targets = [c for c, _ in one]
        of_others = _of_others(loss, row, p, w, targets)
        values = dict(one)
        smooth = [0.9 * values.get(c, 0.0) + 0.1 / len(p) for c in range(len(p))]
        of_weak = -total(v * x.log() for v, x in zip(smooth, w, strict=True))
        losses.append(
            loss.alpha * of_target + loss.beta * of_others + loss.mu * of_weak
        )
    return mean(losses)


def _of_others(
    loss: Any, row: Scalars, p: Scalars, w: Scalars, targets: list[int]
) -> Tensor:
    ranked = [x.log() for x in p] if loss.rank_by == 'log' else p
    rests = [1 - total(values[c] for c in targets) + 1e-6 for values in (w, ranked)]
    scores = [
        float((a / rests[0] + b / rests[1]).detach())
        for a, b in zip(w, ranked, strict=True)
    ]
    order = sorted(range(len(p)), key=lambda c: -scores[c])
    others = [c for c in range(len(p)) if c not in targets]
    inverse = [1 / (1 + order.index(c)) for c in others]
    n = softmax([row[c] for c in others], 1.0)
    return -total(z / sum(inverse) * x.log() for z, x in zip(inverse, n, strict=True))


def _labels(label: Tensor) -> list[tuple[int, float]]:
    """Its classes and their shares, the larger first; two at most."""
    if label.ndim == 0:
        return [(int(label), 1.0)]
    order = torch.sort(label, descending=True).indices[:2].tolist()
    return [(c, float(label[c])) for c in order if label[c] > 0]
