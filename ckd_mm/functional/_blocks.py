"""The contrastive loss in blocks, which never holds the matrix of all scores.

Shape suffixes: B rows on this rank, G rows on all ranks, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ckd_mm.functional._negatives import LeftOut

__all__ = ['MOST_SCORES', 'block_cross_entropy']

MOST_SCORES = 2**24
"""The largest number of scores that is computed at once: 64 MiB in float32."""

_Block = tuple[slice, slice, Tensor]


def block_cross_entropy(
    anchors_BC: Tensor,
    candidates_GC: Tensor,
    *,
    temperature: float,
    first: int,
    block_size: int,
    left_out: LeftOut | None = None,
    match_counts: bool = True,
) -> Tensor:
    r"""-log p(candidate first + i | anchor i) of each anchor i, of shape (B,).

    With S the products of all pairs, m(i) the candidate first + i and T the temperature

    .. math::
        L_i = \log \Bigl( 1 + \sum_{j \ne m(i)}
            \exp \frac{S_{ij} - S_{i m(i)}}{T} \Bigr).

    Without `match_counts` the 1, which is the match, is left out. The value of an
    anchor without negatives is then -inf, and its gradient 0. The sum runs over blocks
    of `block_size` anchors by `block_size` candidates, without the candidates that are
    left out. The backward pass computes each block again to get
    :math:`p_{ij} = \exp((S_{ij} - S_{i m(i)}) / T - L_i)`. So only a few blocks need
    memory beside inputs and gradients, at the price of a third matrix product.

    Raises:
        RuntimeError: The backward pass has `create_graph=True`: there is no second
            derivative.
    """
    assert block_size >= 1, block_size
    return _BlockCrossEntropy.apply(
        anchors_BC,
        candidates_GC,
        match_counts,
        temperature,
        first,
        block_size,
        left_out,
    )


class _BlockCrossEntropy(torch.autograd.Function):
    """Computes the blocks of both passes in one precision, also under autocast."""

    @staticmethod
    def forward(
        ctx: Any,
        anchors_BC: Tensor,
        candidates_GC: Tensor,
        match_counts: bool,
        *options: Any,
    ) -> Tensor:
        start = 0.0 if match_counts else -math.inf  # log 1 for the match, or log 0
        losses_B = anchors_BC.new_full((len(anchors_BC),), start)
        for rows, _, gaps in _blocks(anchors_BC, candidates_GC, *options):
            losses_B[rows] = torch.logaddexp(losses_B[rows], gaps.logsumexp(dim=1))
        ctx.save_for_backward(anchors_BC, candidates_GC, losses_B)
        ctx.match_counts, ctx.options = match_counts, options
        return losses_B

    @staticmethod
    def backward(ctx: Any, grad_B: Tensor) -> tuple[Tensor | None, ...]:
        _refuse_second_derivative()
        anchors_BC, candidates_GC, losses_B = ctx.saved_tensors
        temperature, first, *_ = ctx.options
        # without candidates there are no shares: exp(-inf - inf) is 0
        losses_B = losses_B.masked_fill(losses_B == -math.inf, math.inf)
        weights_B1 = (grad_B / temperature)[:, None]
        weighted_BC = weights_B1 * anchors_BC
        grad_anchors = torch.zeros_like(anchors_BC) if ctx.needs_input_grad[0] else None
        grad_candidates = (
            torch.zeros_like(candidates_GC) if ctx.needs_input_grad[1] else None
        )
        with torch.autocast(grad_B.device.type, enabled=False):
            for rows, columns, gaps in _blocks(anchors_BC, candidates_GC, *ctx.options):
                shares = gaps.sub_(losses_B[rows, None]).exp_()
                if grad_anchors is not None:
                    grad_anchors[rows].addmm_(shares, candidates_GC[columns])
                if grad_candidates is not None:
                    grad_candidates[columns].addmm_(shares.T, weighted_BC[rows])
        # each match gets minus the sum of the shares of all other candidates
        matches = slice(first, first + len(anchors_BC))
        kept_B1 = losses_B[:, None].neg()
        missing_B1 = (
            kept_B1.expm1() if ctx.match_counts else torch.full_like(kept_B1, -1)
        )
        if grad_anchors is not None:
            grad_anchors += missing_B1 * candidates_GC[matches]
            grad_anchors *= weights_B1
        if grad_candidates is not None:
            grad_candidates[matches] += missing_B1 * weighted_BC
        return grad_anchors, grad_candidates, None, None, None, None, None


def _refuse_second_derivative() -> None:
    # `once_differentiable` is not enough: if the incoming gradient is a constant, as
    # for a loss, it silently lets the second derivative be 0
    if torch.is_grad_enabled():
        raise RuntimeError(
            'the contrastive loss in blocks has no second derivative, got a backward '
            'pass with create_graph=True; set block_size to at least the number of '
            'rows of all ranks to compute it at once'
        )


def _blocks(
    anchors_BC: Tensor,
    candidates_GC: Tensor,
    temperature: float,
    first: int,
    block_size: int,
    left_out: LeftOut | None,
) -> Iterator[_Block]:
    """Rows, columns and (S_ij - S_im(i)) / T of each block.

    The value is -inf if j = m(i) or if j is left out.
    """
    scaled_BC = anchors_BC / temperature
    matches_BC = candidates_GC[first : first + len(anchors_BC)]
    match_B1 = (scaled_BC * matches_BC).sum(dim=1, keepdim=True)
    for row in range(0, len(anchors_BC), block_size):
        rows = slice(row, row + block_size)
        for column in range(0, len(candidates_GC), block_size):
            columns = slice(column, column + block_size)
            gaps = (scaled_BC[rows] @ candidates_GC[columns].T).sub_(match_B1[rows])
            gaps.diagonal(first + row - column).fill_(-math.inf)
            if left_out is not None:
                gaps.masked_fill_(left_out.mask(rows, columns), -math.inf)
            yield rows, columns, gaps
