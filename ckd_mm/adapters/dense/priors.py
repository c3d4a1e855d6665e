"""Rows of dense heads: one for each prior of an image, chosen without waiting.

A prior is an anchor or a point, in MMDetection's word for both. The priors of an image
are counted as MMDetection does: level by level from fine to coarse, then position by
position, then anchor by anchor. Row r of a batch is prior r mod P of image r // P.

Nothing here waits for the device. Rows are chosen by `topk` and gathered, and no mask
is turned into indices, except where :func:`choose_rows` says so.

Shape suffixes: N images, P anchors or points of an image, K rows, C classes, A anchors
of a position; by level, maps are (N, A * C, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.adapters.core.class_match import ClassSubset

__all__ = ['choose_rows', 'confidences', 'num_priors', 'rows_of']


def num_priors(maps: Sequence[Tensor], width: int) -> list[int]:
    """By level, the number of anchors or points of an image: H * W * A."""
    return [level.shape[1] // width * level.shape[2] * level.shape[3] for level in maps]


def rows_of(maps: Sequence[Tensor], width: int, rows_K: Tensor | None) -> Tensor:
    """What the maps say at some anchors or points.

    Each level is read at all rows. A row of another level is read anywhere, and what it
    gives is not kept. That is cheaper than copying all levels into one tensor.

    Args:
        maps: By level (N, A * width, H, W).
        width: The number of channels of an anchor or point.
        rows_K: Which rows; `None` is all of them.

    Returns:
        (K, width).
    """
    if rows_K is None:
        return _all_rows(maps, width)
    by_level = num_priors(maps, width)
    images_K, priors_K = rows_K // sum(by_level), rows_K % sum(by_level)
    found = maps[0].new_zeros(len(rows_K), width)
    for level, number in zip(maps, by_level, strict=True):
        is_here = (priors_K >= 0) & (priors_K < number)
        here_K = priors_K.clamp(0, number - 1)
        level_NACP = level.flatten(2).unflatten(1, (-1, width))
        num_anchors = level_NACP.shape[1]
        values = level_NACP[images_K, here_K % num_anchors, :, here_K // num_anchors]
        found = torch.where(is_here[:, None], values, found)
        priors_K = priors_K - number
    return found


def confidences(
    maps: Sequence[Tensor],
    width: int,
    *,
    activation: str,
    first: int = 0,
    factors: Sequence[Tensor] | None = None,
    classes: ClassSubset | None = None,
) -> Tensor:
    """How sure a head is of an object at each anchor or point. It ranks boxes by this.

    The largest probability of a class, times the probability of another output.

    Args:
        maps: By level (N, A * width, H, W).
        width: The number of channels of an anchor or point.
        activation: Of the class logits: `'softmax'`, with background as the last of
            them, `'sigmoid'` for each alone, or `'none'` if they are probabilities.
        first: The channel where the class logits begin.
        factors: By level, the other probability (N, A, H, W).
        classes: The classes that count; `None` is all.

    Returns:
        (N, P).
    """
    found = []
    for number, level in enumerate(maps):
        logits = level.float().flatten(2).unflatten(1, (-1, width))[:, :, first:]
        if activation == 'softmax':
            logits = logits.softmax(2)[:, :, :-1]
        if classes is not None and classes.is_partial:
            logits = classes.of(logits, 2)
        best = logits.amax(2)
        if activation == 'sigmoid':
            best = best.sigmoid()
        if factors is not None:
            best = best * factors[number].flatten(2)
        found.append(best.transpose(1, 2).flatten(1))
    return torch.cat(found, dim=1)


def choose_rows(
    scores_NP: Tensor, is_assigned_NP: Tensor | None, topk: int | None, rows: str
) -> Tensor:
    """Which rows are compared.

    Args:
        scores_NP: How sure the teacher is of an object at each anchor or point.
        is_assigned_NP: Which ones are assigned to an object; not for `'confident'`.
        topk: The maximum number of rows of an image; `None` is all.
        rows: `'confident'`: those that the teacher is surest of. `'assigned'`: those
            assigned to an object. Their number must be known on the host, which waits
            for the device. `'both'`: the assigned ones, then the confident ones.
            `'vlr'`: as `'assigned'`, of the anchors around an object.

    Returns:
        Indices (K,) with the rows of an image side by side, the surest first.
    """
    num_images, num_per_image = scores_NP.shape
    if is_assigned_NP is not None:
        scores_NP = scores_NP + 2 * is_assigned_NP  # scores are at most 1
    number = num_per_image if topk is None else min(topk, num_per_image)
    best_NK = scores_NP.topk(number, dim=1).indices
    images_N1 = torch.arange(num_images, device=scores_NP.device)[:, None]
    chosen = (best_NK + images_N1 * num_per_image).flatten()
    if rows not in ('assigned', 'vlr') or is_assigned_NP is None:
        return chosen
    return chosen[is_assigned_NP.flatten()[chosen]]


def _all_rows(maps: Sequence[Tensor], width: int) -> Tensor:
    levels = [
        level.flatten(2).unflatten(1, (-1, width)).permute(0, 3, 1, 2).flatten(1, 2)
        for level in maps
    ]
    return torch.cat(levels, dim=1).flatten(0, 1)
