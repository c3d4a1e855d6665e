"""Squared distances of rows, by one matrix product.

Shape suffixes beside the package's: D columns of a row.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['rounding_of', 'squared_distances']


def squared_distances(rows_BD: Tensor) -> Tensor:
    """The squared distance of each pair of rows (B, B).

    It is 0 without a gradient where only rounding errors are left, as of equal rows.
    """
    if len(rows_BD) == 0:
        return rows_BD @ rows_BD.T
    centred_BD = rows_BD - rows_BD.mean(dim=0)  # less cancellation, the same distances
    square_B = centred_BD.square().sum(dim=1)
    product_BB = centred_BD @ centred_BD.T
    distance_BB = square_B[:, None] + square_B - 2 * product_BB
    same_BB = torch.eye(len(rows_BD), dtype=torch.bool, device=rows_BD.device)
    return distance_BB.masked_fill(same_BB | (distance_BB <= rounding_of(rows_BD)), 0.0)


def rounding_of(rows_BD: Tensor) -> Tensor:
    """The largest squared distance that may be a rounding error, of shape ()."""
    relative = 16 * torch.finfo(rows_BD.dtype).eps
    return relative**2 * rows_BD.detach().square().sum(dim=1).amax()
