"""A slow reference for ACAM-KD: query by query, mask by mask."""

from __future__ import annotations

from itertools import permutations
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .references_connectors import convolution, grid, tensor
from .scalars import total

__all__ = ['reference_acamkd']


def reference_acamkd(module: Any, student: Tensor, teacher: Tensor) -> Tensor:
    (level,) = module.levels
    align, selection = level['align'], level['masks']
    aligned = tensor(convolution(grid(student), align.weight, align.bias))
    losses = []
    for maps, own, wanted in zip(student, aligned, teacher, strict=True):
        attended = _attended(module, selection, maps, wanted)
        channel = [(a * attended.mean(dim=0)).sigmoid() for a in selection.channel]
        spatial = [(attended @ vector).sigmoid() for vector in selection.spatial]
        squares = (wanted - own).flatten(1) ** 2
        found = [_masked(module, mask, squares) for mask in channel]
        found += [_masked(module, mask, squares.T) for mask in spatial]
        losses.append(total(found) / len(channel))
        for masks in (channel, spatial):
            losses.append(module.diversity_weight * _alike(masks))
    return total(losses) / len(student)


def _attended(module: Any, selection: Any, maps: Tensor, wanted: Tensor) -> Tensor:
    """What each of the teacher's positions reads of the student, (P, C)."""
    height, width = maps.shape[1:]
    sizes = [(ceil(height / f), ceil(width / f)) for f in range(1, height + width)]
    size = next(one for one in sizes if one[0] * one[1] <= module.max_keys)
    tokens = F.adaptive_avg_pool2d(maps[None], size)[0].flatten(1).T
    keys, values = tokens @ selection.key.weight.T, selection.value(tokens)
    rows = []
    for position in wanted.flatten(1).T:
        query = selection.query(position)
        scores = keys @ query / len(query) ** 0.5
        shares = scores.exp() / scores.exp().sum()
        rows.append((shares[:, None] * values).sum(dim=0))
    return torch.stack(rows)


def _masked(module: Any, mask: Tensor, squares: Tensor) -> Tensor:
    """The squares (E, F) under a mask of E entries."""
    mask = mask.detach() if module.detach_masks else mask
    kept = [weight**2 * one.sum() for weight, one in zip(mask, squares, strict=True)]
    return total(kept) / (squares.shape[1] * mask.sum())


def _alike(masks: list[Tensor]) -> Tensor:
    found = [
        2 * (a * b).sum() / ((a**2).sum() + (b**2).sum())
        for a, b in permutations(masks, 2)
    ]
    return total(found) / max(len(found), 1) if found else masks[0].sum() * 0
