"""A slow reference for MCL, which reads the weights of a module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .scalars import Scalars, cosine, divergence, mean, softmax, table, total


def reference_mcl(
    module: Any, student: Tensor, teacher: Tensor, target: Tensor
) -> Tensor:
    """Loops over anchors; both networks by their numbers 0 and 1."""
    nets = [
        projected(module.project_student, student),
        projected(module.project_teacher, teacher),
    ]
    losses, option = [], module.options
    for i in range(len(target)):
        for net in (0, 1):
            for other in (0, 1):
                is_own = net == other
                kind = 'vcl' if is_own else 'icl'
                has_match = option['same_image_positive'] and not is_own
                hard = [k for k in range(len(target)) if k != i or has_match]
                soft = [*range(len(target))] if option['diagonal_in_soft'] else hard
                rows = similarities(nets[net], nets[other], i, option['temperature'])
                # within: the other network's row; between: that of the other direction
                peer = 1 - net
                to = nets[peer] if is_own else nets[net]
                wanted = similarities(nets[peer], to, i, option['temperature'])
                weighted = option[f'{kind}_weight'] * supervised(
                    rows, [int(y) for y in target], i, hard
                )
                weighted += option[f'soft_{kind}_weight'] * divergence_of(
                    [rows[k] for k in soft],
                    [wanted[k].detach() for k in soft],
                    option['soft_temperature'],
                )
                losses.append(weighted)
    graph = 0.0 * (student.sum() + teacher.sum())  # also of a row without others
    return total(losses) / len(target) + graph


def projected(layers: nn.Sequential, features: Tensor) -> list[Scalars]:
    rows: list[Scalars] = []
    for row in table(features):
        values: Scalars = row
        for layer in layers:
            if isinstance(layer, nn.ReLU):
                values = [value.clamp_min(0) for value in values]
            else:
                values = linear(layer, values)
        rows.append(values)
    return rows


def linear(layer: Any, values: Scalars) -> Scalars:
    weights = zip(table(layer.weight), layer.bias, strict=True)
    return [
        total(w * v for w, v in zip(row, values, strict=True)) + bias
        for row, bias in weights
    ]


def similarities(
    anchors: list[Scalars], candidates: list[Scalars], i: int, temperature: float
) -> Scalars:
    return [cosine(anchors[i], candidate) / temperature for candidate in candidates]


def supervised(
    row: Scalars, labels: list[int], i: int, candidates: list[int]
) -> Tensor:
    positives = [k for k in candidates if labels[k] == labels[i]]
    if not positives:
        return torch.zeros((), dtype=torch.float64)
    everything = total(row[k].exp() for k in candidates)
    return mean([-(row[k].exp() / everything).log() for k in positives])


def divergence_of(row: Scalars, wanted: Scalars, temperature: float) -> Tensor:
    both = softmax(wanted, temperature), softmax(row, temperature)
    return temperature**2 * divergence(*both)
