"""Rows of dense heads: one for each place of an image, chosen without waiting.

A place is one anchor (or the point) at one position of one level. The places of an
image are counted level by level, fine to coarse, within a level position by position,
within a position anchor by anchor, which is MMDetection's own order. Row r of a batch
is place r mod P of image r // P.

Nothing here waits for the device: rows are chosen by `topk` and gathered, and no mask
is turned into indices, except where :func:`choose_rows` says so.

Shape suffixes: N images, P places of an image, K rows, C classes, A anchors of a
position; by level, maps are (N, A * C, H, W).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ckd_mm.adapters.core.class_match import Kept

__all__ = ['choose_rows', 'confidences', 'num_places', 'rows_of']


def num_places(maps: Sequence[Tensor], width: int) -> list[int]:
    """By level, the places of an image: H * W * A."""
    return [level.shape[1] // width * level.shape[2] * level.shape[3] for level in maps]


def rows_of(maps: Sequence[Tensor], width: int, rows_K: Tensor) -> Tensor:
    """What the maps say at some places.

    Each level is read at all rows, those of other levels anywhere, and only its own are
    kept. That is cheaper than to copy all levels into one tensor of all places.

    Args:
        maps: By level (N, A * width, H, W).
        width: How many channels one place has.
        rows_K: Which rows.

    Returns:
        (K, width).
    """
    places = num_places(maps, width)
    images_K, places_K = rows_K // sum(places), rows_K % sum(places)
    found = maps[0].new_zeros(len(rows_K), width)
    for level, number in zip(maps, places, strict=True):
        is_here = (places_K >= 0) & (places_K < number)
        here_K = places_K.clamp(0, number - 1)
        level_NACP = level.flatten(2).unflatten(1, (-1, width))
        num_anchors = level_NACP.shape[1]
        values = level_NACP[images_K, here_K % num_anchors, :, here_K // num_anchors]
        found = torch.where(is_here[:, None], values, found)
        places_K = places_K - number
    return found


def confidences(
    maps: Sequence[Tensor],
    width: int,
    *,
    activation: str,
    first: int = 0,
    factors: Sequence[Tensor] | None = None,
    classes: Kept | None = None,
) -> Tensor:
    """How sure a head is of an object at each place: what it ranks its boxes by.

    The largest probability of a class, times that of another output of the head.

    Args:
        maps: By level (N, A * width, H, W).
        width: How many channels one place has.
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
        if classes is not None and classes.leaves:
            logits = classes.of(logits, 2)
        best = logits.amax(2)
        if activation == 'sigmoid':
            best = best.sigmoid()
        if factors is not None:
            best = best * factors[number].flatten(2)
        found.append(best.transpose(1, 2).flatten(1))
    return torch.cat(found, dim=1)


def choose_rows(
    scores_NP: Tensor, is_assigned_NP: Tensor | None, topk: int, rows: str
) -> Tensor:
    """Which rows are compared.

    Args:
        scores_NP: How sure the teacher is of an object at each place.
        is_assigned_NP: Where the student has one to find; not for `'confident'`.
        topk: How many rows an image has at most.
        rows: `'confident'`: those the teacher is surest of. `'both'`: those assigned to
            an object, and then those. `'assigned'`: only the former; their number must
            be known on the host, which waits for the device.

    Returns:
        Indices (K,) with the rows of an image side by side, the surest first.
    """
    num_images, places = scores_NP.shape
    if is_assigned_NP is not None:
        scores_NP = scores_NP + 2 * is_assigned_NP  # scores are at most 1
    best_NK = scores_NP.topk(min(topk, places), dim=1).indices
    first_N1 = torch.arange(num_images, device=scores_NP.device)[:, None] * places
    chosen = (best_NK + first_N1).flatten()
    if rows != 'assigned' or is_assigned_NP is None:
        return chosen
    return chosen[is_assigned_NP.flatten()[chosen]]
