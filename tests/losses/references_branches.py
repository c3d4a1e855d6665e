"""A slow reference for OFA's branches: convolutions by position, attention by token."""

from __future__ import annotations

from itertools import product
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from .references_connectors import Grid, batch_norm, convolution, grid, relu
from .references_logits import reference_ofa
from .scalars import Scalars, dot, mean, softmax, total

__all__ = ['reference_ofabranch']

Tokens = list[list[Tensor]]


def reference_ofabranch(
    module: Any, student: Tensor, teacher: Tensor, target: Tensor
) -> Tensor:
    branch = module.branch
    if hasattr(branch, 'merges'):
        pooled = [_attended(branch, image) for image in student]
    else:
        pooled = [
            [mean([x for row in channel for x in row]) for channel in image]
            for image in _convolved(branch, grid(student))
        ]
    rows = [_linear(branch.linear, row) for row in pooled]
    logits = torch.stack([torch.stack(row) for row in rows])
    return reference_ofa(
        logits,
        teacher,
        target,
        epsilon=module.epsilon,
        temperature=module.temperature,
    )


def _convolved(branch: Any, maps: Grid) -> Grid:
    for block in branch.blocks:
        if isinstance(block, torch.nn.Conv2d):
            return convolution(maps, block.weight, block.bias)
        for first in (0, 4):
            by_channel, mixed, norm = block[first : first + 3]
            maps = _by_channel(maps, by_channel.weight, by_channel.stride[0])
            maps = relu(batch_norm(convolution(maps, mixed.weight), norm))
    return maps


def _by_channel(maps: Grid, weight: Tensor, stride: int) -> Grid:
    """Each channel with a 3 x 3 kernel of its own, at every `stride`-th position."""
    return [
        [
            [
                [
                    total(
                        kernel[0][1 + i][1 + j] * channel[top + i][left + j]
                        for i, j in product((-1, 0, 1), repeat=2)
                        if 0 <= top + i < len(channel)
                        and 0 <= left + j < len(channel[0])
                    )
                    for left in range(0, len(channel[0]), stride)
                ]
                for top in range(0, len(channel), stride)
            ]
            for channel, kernel in zip(image, weight, strict=True)
        ]
        for image in maps
    ]


def _attended(branch: Any, image: Tensor) -> Scalars:
    """The mean token of one image (D, H, W)."""
    for number, merge in enumerate(branch.merges):
        is_last_of_several = 0 < number == len(branch.merges) - 1
        image = _merged(merge, image, is_linear=is_last_of_several)
    tokens = [list(image[:, i, j]) for i, j in _positions(image)]
    for block in branch.blocks:
        tokens = _block(block, tokens)
    return [mean(values) for values in zip(*tokens, strict=True)]


def _positions(image: Tensor) -> Any:
    return product(range(image.shape[1]), range(image.shape[2]))


def _merged(merge: Any, image: Tensor, is_linear: bool) -> Tensor:
    rows, columns = image.shape[1] // 2, image.shape[2] // 2
    merged = []
    for i, j in product(range(rows), range(columns)):
        four = [
            x
            for left, top in product((0, 1), repeat=2)
            for x in image[:, 2 * i + top, 2 * j + left]
        ]
        out = [dot(row, _norm(merge.norm, four)) for row in merge.reduce.weight]
        merged += out if is_linear else [_gelu(x) for x in out]
    return torch.stack(merged).reshape(rows, columns, -1).permute(2, 0, 1)


def _block(block: Any, tokens: Tokens) -> Tokens:
    width = len(tokens[0])
    size = width // 4
    three = [
        [dot(row, normed) for row in block.qkv.weight]
        for normed in (_norm(block.norm, token) for token in tokens)
    ]
    attended: Tokens = [[] for _ in tokens]
    for head in range(4):
        query, key, value = (
            [one[start + head * size : start + (head + 1) * size] for one in three]
            for start in (0, width, 2 * width)
        )
        for out, asked in zip(attended, query, strict=True):
            shares = softmax([dot(asked, one) for one in key], sqrt(size))
            out += [dot(shares, channel) for channel in zip(*value, strict=True)]
    norm, wide, _, narrow = block.feed_forward
    found = []
    for token, read in zip(tokens, attended, strict=True):
        token = _sum(token, _linear(block.project, read))
        hidden = [_gelu(x) for x in _linear(wide, _norm(norm, token))]
        found.append(_sum(token, _linear(narrow, hidden)))
    return found


def _sum(first: Scalars, second: Scalars) -> list[Tensor]:
    return [a + b for a, b in zip(first, second, strict=True)]


def _linear(layer: Any, values: Scalars) -> list[Tensor]:
    return [dot(w, values) + b for w, b in zip(layer.weight, layer.bias, strict=True)]


def _norm(norm: Any, values: Scalars) -> list[Tensor]:
    centre = mean(values)
    deviation = (mean([(x - centre) ** 2 for x in values]) + 1e-5).sqrt()
    return [
        (x - centre) / deviation * w + b
        for x, w, b in zip(values, norm.weight, norm.bias, strict=True)
    ]


def _gelu(value: Tensor) -> Tensor:
    return value * (1 + torch.erf(value / sqrt(2))) / 2
