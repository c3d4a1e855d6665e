"""A slow reference for ScaleKD: query by query, with a transform for frequencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import cos, pi
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .references_connectors import batch_norm, convolution, grid, tensor
from .references_maps import inside
from .scalars import total

__all__ = ['reference_both_stages', 'reference_scalekd', 'without_constant']


def reference_scalekd(
    module: Any, student: Tensor, teacher: Tensor, shapes: Any, image_size: Any
) -> Tensor:
    if not module.ignore_padding:
        shapes = [image_size] * len(student)
    weights = {'spatial': module.spatial_weight, 'frequency': module.frequency_weight}
    (by_term,) = module.projectors
    losses = [
        weights[term] * distance
        for term, projector in by_term.items()
        for distance in _distances(
            term,
            _projected(module, projector, student, teacher, shapes, image_size),
            teacher,
            inside(teacher, shapes, image_size),
        )
    ]
    return total(losses) / len(student)


def reference_both_stages(
    module: Any,
    students: list[Tensor],
    teachers: list[Tensor],
    last_stage: Callable[[Tensor], Tensor],
) -> Tensor:
    """Of images without padding; the maps of the stage before come first."""
    size = tuple(8 * side for side in teachers[1].shape[2:])
    padding = [size] * len(teachers[1]), size
    everywhere = inside(teachers[1], *padding)
    weights = {'spatial': module.spatial_weight, 'frequency': module.frequency_weight}
    losses = []
    for term, weight in weights.items():
        first, second = (by_term[term] for by_term in module.projectors)
        maps = _projected(module, first, students[0], teachers[0], *padding)
        through = last_stage(maps)
        read = _projected(module, second, students[1], teachers[1], *padding, through)
        for found in (through, read):
            distances = _distances(term, found, teachers[1], everywhere)
            losses += [weight * distance for distance in distances]
    return total(losses) / len(teachers[1])


def without_constant(channel: Tensor) -> Tensor:
    """A channel (H, W) behind a cosine transform without its constant component."""
    rows, columns = (_cosines(length) for length in channel.shape)
    frequencies = rows @ channel @ columns.T
    constant = torch.zeros_like(frequencies)
    constant[0, 0] = 1
    return rows.T @ (frequencies * (1 - constant)) @ columns


def _cosines(length: int) -> Tensor:
    """The orthonormal discrete cosine transform of type II as a matrix."""
    rows = [
        [cos(pi * (2 * i + 1) * k / (2 * length)) for i in range(length)]
        for k in range(length)
    ]
    matrix = torch.tensor(rows, dtype=torch.float64) * (2 / length) ** 0.5
    matrix[0] /= 2**0.5
    return matrix


def _distances(
    term: str, outputs: Tensor, teacher: Tensor, kept: list[list[int]]
) -> Iterator[Tensor]:
    """One per position in an image, whose rectangle is all there is for the mean."""
    width = teacher.shape[3]
    for output, wanted, numbers in zip(outputs, teacher, kept, strict=True):
        size = numbers[-1] // width + 1, numbers[-1] % width + 1
        both = [maps[:, : size[0], : size[1]] for maps in (output, wanted)]
        if term == 'frequency':
            both = [torch.stack([without_constant(c) for c in maps]) for maps in both]
        for own, target in zip(*(maps.flatten(1).T for maps in both), strict=True):
            yield ((own / own.norm() - target / target.norm()) ** 2).sum()


def _projected(
    module: Any,
    projector: Any,
    student: Tensor,
    teacher: Tensor,
    shapes: Any,
    image_size: Any,
    given: Tensor | None = None,
) -> Tensor:
    conv, norm, _ = projector.embed
    keys = tensor(batch_norm(convolution(grid(student), conv.weight), norm)).relu()
    keys = keys + _at_size(projector.position, student)
    kernel = projector.embed_query[0]
    if given is None:
        given = _at_size(projector.query, teacher).expand(len(keys), -1, -1, -1)
    kept = inside(student, shapes, image_size)
    outputs = []
    for image, maps, numbers in zip(keys, given, kept, strict=True):
        queries = maps.flatten(1).T @ kernel.weight[:, :, 0, 0].T + kernel.bias
        queries = queries.relu()
        tokens = image.flatten(1).T[numbers]
        outputs += [
            _read(projector, query, tokens, module.softmax_scale) for query in queries
        ]
    return (
        torch.stack(outputs)
        .reshape(len(teacher), *teacher.shape[2:], -1)
        .permute(0, 3, 1, 2)
    )


def _read(
    projector: Any, query: Tensor, tokens: Tensor, softmax_scale: float
) -> Tensor:
    """One query's output of the tokens (P, C) of one image."""
    attention = projector.attention
    query, keys = attention.query(query), tokens @ attention.key.weight.T
    values = attention.value(tokens)
    heads, width = attention.num_heads, len(query) // attention.num_heads
    scale = softmax_scale / width**0.5
    found = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = (keys[:, part] * query[part]).sum(dim=1) * scale
        shares = scores.exp() / scores.exp().sum()
        found.append((shares[:, None] * values[:, part]).sum(dim=0))
    output = attention.output(torch.cat(found))
    centred = output - output.mean()
    scaled = centred / ((centred**2).mean() + 1e-5).sqrt()
    scaled = scaled * projector.norm.weight + projector.norm.bias
    first, _, second = projector.feed_forward
    return scaled + second(first(scaled).relu())


def _at_size(maps: Tensor, like: Tensor) -> Tensor:
    """Averaged along an axis that gets shorter, else interpolated."""
    for axis in (2, 3):
        size = [maps.shape[2], maps.shape[3]]
        grows = like.shape[axis] > size[axis - 2]
        size[axis - 2] = like.shape[axis]
        if grows:
            maps = F.interpolate(maps, size, mode='bilinear')
        else:
            maps = F.adaptive_avg_pool2d(maps, (size[0], size[1]))
    return maps
