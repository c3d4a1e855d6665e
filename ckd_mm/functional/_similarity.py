"""Rows on the unit sphere: for the contrastive loss and for its statistic."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['unit_rows']


def unit_rows(rows_BC: Tensor, smallest_norm: float = 1e-12) -> Tensor:
    """Rows of length 1; a zero row stays zero and takes no gradient.

    A head that starts at zero (MMPretrain's ViT head) gives zero rows. Dividing them
    by a small number, as `F.normalize` does, multiplies their gradient by 1e12.
    """
    norm_B1 = rows_BC.norm(dim=1, keepdim=True)
    rows_BC = torch.where(norm_B1 > smallest_norm, rows_BC, 0.0)
    return rows_BC / norm_B1.clamp_min(smallest_norm)
