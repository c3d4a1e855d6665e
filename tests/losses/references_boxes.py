"""Slow references for the losses that look where the objects are."""

from __future__ import annotations

from itertools import product
from math import ceil, floor
from typing import Any

from torch import Tensor

from .references_connectors import convolution, flat, grid
from .references_maps import squared_distance
from .scalars import dot, mean, softmax, total


def fgd_attention(image: Any) -> tuple[list[Tensor], list[Tensor]]:
    """By position and by channel, at temperature 0.5."""
    channels = [[x.abs() for row in channel for x in row] for channel in image]
    columns = [mean(column) for column in zip(*channels, strict=True)]
    spatial = [len(columns) * a for a in softmax(columns, 0.5)]
    by_channel = softmax([mean(channel) for channel in channels], 0.5)
    return spatial, [len(channels) * a for a in by_channel]


def fgd_foreground(
    boxes: Tensor, size: tuple[int, int], image_size: tuple[int, int]
) -> list[float]:
    """By position, row after row."""
    mask = [0.0] * (size[0] * size[1])
    for x1, y1, x2, y2 in boxes.tolist():
        top, bottom = (y * size[0] / image_size[0] for y in (y1, y2))
        left, right = (x * size[1] / image_size[1] for x in (x1, x2))
        rows = range(floor(top), ceil(bottom) + 1)
        columns = range(floor(left), ceil(right) + 1)
        for i, j in product(rows, columns):
            if 0 <= i < size[0] and 0 <= j < size[1]:
                place = i * size[1] + j
                mask[place] = max(mask[place], 1 / (len(rows) * len(columns)))
    return mask


def context(block: Any, image: Any) -> list[list[Tensor]]:
    """By channel and position, after the context block."""
    channels = [[x for row in channel for x in row] for channel in image]
    columns = list(zip(*channels, strict=True))
    key = block.attend.weight[0, :, 0, 0]
    weights = softmax([dot(key, column) for column in columns], 1.0)
    gathered = [dot(weights, channel) for channel in channels]
    first, norm, _, second = block.transform
    hidden = linear(first, gathered)
    centred = [x - mean(hidden) for x in hidden]
    deviation = (mean([x**2 for x in centred]) + 1e-5).sqrt()
    hidden = [
        (x / deviation * w + b).clamp_min(0)
        for x, w, b in zip(
            centred, norm.weight.flatten(), norm.bias.flatten(), strict=True
        )
    ]
    added = linear(second, hidden)
    return [[x + a for x in c] for c, a in zip(channels, added, strict=True)]


def linear(conv: Any, values: Any) -> list[Tensor]:
    rows = zip(conv.weight[:, :, 0, 0], conv.bias, strict=True)
    return [dot(weight, values) + bias for weight, bias in rows]


def reference_fgd(
    module: Any, student: Tensor, teacher: Tensor, boxes: Any, image_size: Any
) -> Tensor:
    (connector,) = module.connectors
    aligned = grid(student)
    if hasattr(connector.align, 'weight'):
        aligned = convolution(aligned, connector.align.weight, connector.align.bias)
    size = (teacher.shape[2], teacher.shape[3])
    losses = []
    for own, other, of_image in zip(aligned, grid(teacher), boxes, strict=True):
        (s_spatial, s_channel), (t_spatial, t_channel) = map(
            fgd_attention, (own, other)
        )
        foreground = fgd_foreground(of_image, size, image_size)
        rest = 1 / max(sum(share == 0 for share in foreground), 1)
        for c, weight in enumerate(t_channel):
            s, t = flat([[own[c]]]), flat([[other[c]]])
            for p, share in enumerate(foreground):
                scale = module.focal['foreground_weight'] * share
                if share == 0:
                    scale = module.focal['background_weight'] * rest
                losses.append(scale * weight * t_spatial[p] * (s[p] - t[p]) ** 2)
        differences = [
            *zip(s_spatial, t_spatial, strict=True),
            *zip(s_channel, t_channel, strict=True),
        ]
        attention = total((s - t).abs() for s, t in differences)
        losses.append(module.focal['attention_weight'] * attention)
        outputs = context(connector.student_context, own)
        wanted = context(connector.teacher_context, other)
        for s_row, t_row in zip(outputs, wanted, strict=True):
            losses.append(module.relation_weight * squared_distance(s_row, t_row))
    return total(losses) / len(student)


def overlap(first: list[float], second: list[float]) -> float:
    sides = [
        min(first[axis + 2], second[axis + 2]) - max(first[axis], second[axis])
        for axis in (0, 1)
    ]
    both = max(sides[0], 0) * max(sides[1], 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return both / (sum(areas) - both)


def fgfi_places(boxes: Tensor, anchors: Tensor, per_place: int) -> set[int]:
    """The positions, row after row."""
    places = set()
    for box in boxes.tolist():
        found = [overlap(anchor, box) for anchor in anchors.tolist()]
        near = [index for index, x in enumerate(found) if x > 0.5 * max(found)]
        places |= {index // per_place for index in near}
    return places


def reference_fgfi(
    module: Any, student: Tensor, teacher: Tensor, boxes: Any, anchors: Any
) -> Tensor:
    (adaptation,) = module.adaptations
    adapted = convolution(grid(student), adaptation.weight, adaptation.bias)
    per_place = len(anchors[0]) // teacher[0, 0].numel()
    losses, count = [], 0
    for own, other, of_image in zip(adapted, grid(teacher), boxes, strict=True):
        places = fgfi_places(of_image, anchors[0], per_place)
        count += len(places)
        for own_channel, other_channel in zip(own, other, strict=True):
            s, t = flat([[own_channel]]), flat([[other_channel]])
            losses += [(s[place] - t[place]) ** 2 for place in places]
    return total(losses) / (2 * max(count, 1))


def reference_box_regression(
    student: Tensor, teacher: Tensor, box_target: Tensor, beta: float = 1.0
) -> Tensor:
    losses = []
    for s, t, g in zip(student, teacher, box_target, strict=True):
        own, other = (
            sum(abs(float(x - y)) for x, y in zip(one, g, strict=True))
            for one in (s, t)
        )
        distances = [(x - y).abs() for x, y in zip(s, t, strict=True)]
        smooth = [d * d / (2 * beta) if d < beta else d - beta / 2 for d in distances]
        losses.append(total(smooth) if other <= own else 0.0 * total(smooth))
    return mean(losses)
