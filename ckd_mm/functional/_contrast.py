"""The contrastive loss of unit rows, at once or in blocks.

Shape suffixes: B rows on this rank, G rows on all ranks, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.distributed import gather_rows, mean_over_all_rows, world_size
from ckd_mm.functional._blocks import MOST_SCORES, block_cross_entropy
from ckd_mm.functional._negatives import LeftOut, class_means
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['Contrast', 'Labels', 'contrast']

_BLOCK_SIZE = 2048  # a block of 16 MiB in float32

Labels: TypeAlias = tuple[Tensor, Tensor]
"""The classes of this rank's rows (B,) and of all (G,)."""


@dataclass(frozen=True)
class Contrast:
    """What both directions of the loss have in common.

    Args:
        temperature: Divides the products.
        gather: Whether the rows of all ranks are candidates.
        block_size: Number of rows that are compared at a time; None is by their number.
        match_counts: Whether the match is among the candidates of the denominator.
        by_class: The classes, if the rows of a class are positives of each other.
        left_out: Which candidates are none of the denominator.
    """

    temperature: float
    gather: bool
    block_size: int | None
    match_counts: bool
    by_class: Labels | None
    left_out: LeftOut | None


def contrast(
    anchors_BC: Tensor,
    candidates_BC: Tensor,
    options: Contrast,
    reduction: Reduction = 'mean',
) -> Tensor:
    """The mean loss of all anchors, or that of each of this rank's; rows are unit."""
    candidates_GC, first = (
        gather_rows(candidates_BC) if options.gather else (candidates_BC, 0)
    )
    losses_B = _against_match(anchors_BC, candidates_GC, first, options)
    if options.by_class is not None:
        labels_B, labels_G = options.by_class
        means_BC = class_means(candidates_GC, labels_G, candidates_BC, labels_B)
        # the denominators are the same, so only the numerators differ from the match's
        gap_B = (anchors_BC * (candidates_BC - means_BC)).sum(dim=1)
        losses_B = losses_B + gap_B / options.temperature
    if not options.match_counts:
        losses_B = losses_B.masked_fill(losses_B == -math.inf, 0.0)  # no negatives
    if not options.gather:
        return reduced(losses_B, reduction)
    if reduction == 'none':  # the mean over ranks of their means is that of all rows
        share = len(losses_B) * world_size() / max(len(candidates_GC), 1)
        return losses_B * share
    return mean_over_all_rows(losses_B.sum(), len(candidates_GC))


def _against_match(
    anchors_BC: Tensor, candidates_GC: Tensor, first: int, options: Contrast
) -> Tensor:
    """-log p(candidate first + i | anchor i) of each anchor i, of shape (B,)."""
    num_rows, num_candidates = len(anchors_BC), len(candidates_GC)
    block_size = options.block_size
    if block_size is None:
        is_large = num_rows * num_candidates > MOST_SCORES
        block_size = _BLOCK_SIZE if is_large else num_candidates
    if num_candidates > block_size:
        return block_cross_entropy(
            anchors_BC,
            candidates_GC,
            temperature=options.temperature,
            first=first,
            block_size=block_size,
            left_out=options.left_out,
            match_counts=options.match_counts,
        )
    scores_BG = anchors_BC @ candidates_GC.T / options.temperature
    if options.left_out is not None or not options.match_counts:
        mask_BG = (
            torch.zeros_like(scores_BG, dtype=torch.bool)
            if options.left_out is None
            else options.left_out.mask()
        )
        mask_BG.diagonal(first).fill_(not options.match_counts)
        scores_BG.masked_fill_(mask_BG, -math.inf)
    if options.match_counts:
        match_B = torch.arange(first, first + num_rows, device=scores_BG.device)
        return F.cross_entropy(scores_BG, match_B, reduction='none')
    matches_BC = candidates_GC[first : first + num_rows]
    return scores_BG.logsumexp(dim=1) - (anchors_BC * matches_BC).sum(dim=1) / (
        options.temperature
    )
