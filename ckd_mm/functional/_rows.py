"""The last step of losses that are a mean of rows, and the mean of weighted rows."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

__all__ = ['Reduction', 'reduced', 'weighted_mean']

Reduction: TypeAlias = Literal['mean', 'none']
"""What a loss returns: the mean over rows, or the values of the rows, (B,).

The mean of the values is the loss, also where a loss divides by something else than the
number of rows.
"""


def reduced(rows_B: Tensor, reduction: Reduction) -> Tensor:
    """The mean of the rows, or the rows; the mean of none is 0 with a graph."""
    if reduction == 'none':
        return rows_B
    return rows_B.sum() / max(len(rows_B), 1)


def weighted_mean(
    values_K: Tensor, weights_K: Tensor, reduction: Reduction = 'mean'
) -> Tensor:
    """The mean with these weights, >= 0; 0 where they are all 0."""
    weights_K = weights_K.detach().to(values_K.dtype)
    total = weights_K.sum()
    total = torch.where(total > 0, total, 1.0)
    if reduction == 'none':
        return weights_K * values_K * (len(values_K) / total)
    return (weights_K * values_K).sum() / total
