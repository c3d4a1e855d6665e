"""The mean of rows that do not count alike."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['weighted_mean']


def weighted_mean(values_K: Tensor, weights_K: Tensor) -> Tensor:
    """The mean with these weights, >= 0; 0 where they are all 0."""
    weights_K = weights_K.detach().to(values_K.dtype)
    total = weights_K.sum()
    return (weights_K * values_K).sum() / torch.where(total > 0, total, 1.0)
