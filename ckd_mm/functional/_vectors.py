"""Scale vectors to length 1, with zero vectors handled."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['unit_vectors']


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
