"""Rows of mean 0, and rows of mean 0 and standard deviation 1."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['centred', 'standardized', 'standardized_logits']


def centred(rows: Tensor) -> Tensor:
    """Rows minus their mean; exactly zero if only rounding errors are left."""
    difference = rows - rows.mean(dim=1, keepdim=True)
    rounding = 16 * torch.finfo(rows.dtype).eps * rows.norm(dim=1, keepdim=True)
    return torch.where(difference.norm(dim=1, keepdim=True) > rounding, difference, 0.0)


def standardized(rows: Tensor, epsilon: float) -> Tensor:
    """Centred rows divided by their standard deviation (unbiased) plus `epsilon`.

    A constant row gives zeros and gets no gradient; plain division would multiply its
    gradient by 1 / epsilon.
    """
    difference = centred(rows)
    free = max(rows.shape[1] - 1, 1)
    deviation = difference.norm(dim=1, keepdim=True) / free**0.5
    return difference / (deviation + epsilon)


def standardized_logits(
    student_BC: Tensor, teacher_BC: Tensor, epsilon: float = 1e-7
) -> tuple[Tensor, Tensor]:
    """Both logits standardised over the classes of each row, as arXiv:2403.01427 does.

    The default of epsilon is the authors'.
    """
    return standardized(student_BC, epsilon), standardized(teacher_BC, epsilon)
