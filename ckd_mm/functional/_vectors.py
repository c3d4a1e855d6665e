"""Scale vectors to length 1, with zero vectors handled."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['inverse_lengths', 'unit_vectors']


def unit_vectors(vectors: Tensor, epsilon: float = 0.0) -> Tensor:
    """Vectors along the last dimension divided by their length plus `epsilon`.

    A zero vector stays zero and gets no gradient. Such vectors come from dead channels,
    differences of equal rows and layers that start at zero (MMPretrain's ViT head).
    Dividing them by a small number would multiply their gradient by its inverse.
    """
    smallest = 1e-12
    length = vectors.norm(dim=-1, keepdim=True)
    vectors = torch.where(length > smallest, vectors, 0.0)
    return vectors / (length.clamp_min(smallest) + epsilon)


def inverse_lengths(vectors: Tensor, dim: int) -> Tensor:
    """One divided by the length of each vector along `dim`, which stays as size 1.

    A vector shorter than 1e-6 counts as zero: its inverse is 0 and has no gradient. So
    no gradient of a direction is larger than 1e6.
    """
    smallest = 1e-6
    length = vectors.norm(dim=dim, keepdim=True)
    return torch.where(length > smallest, 1 / length.clamp_min(smallest), 0.0)
