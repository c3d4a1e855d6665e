"""CC: congruence of the correlations between the samples of a batch.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

import math

from torch import Tensor

from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['cc_loss']


def cc_loss(student: Tensor, teacher: Tensor, *, gamma: float = 0.4) -> Tensor:
    r"""Squared difference of the Gaussian kernel matrices of the batch.

    .. math::
        L = \frac{1}{B^2} \sum_{ij} (k_{s,ij} - k_{t,ij})^2, \qquad
        k_{ij} = e^{-2 \gamma} \sum_{p=0}^{2} \frac{(2 \gamma\, c_{ij})^p}{p!}, \quad
        c_{ij} = \cos(x_i, x_j)

    k is the Taylor expansion, to order 2, of exp(-gamma |x_i - x_j|^2) for rows of
    length 1. "Correlation Congruence for Knowledge Distillation", arXiv:1904.01802,
    written from the formula. It equals the CC of AberHu/Knowledge-Distillation-Zoo
    (gamma 0.4, order 2). The CRD benchmark's `Correlation` is another function:
    products of neighbouring differences.

    Args:
        student: Embeddings (B, D), any real values; gets the gradient.
        teacher: Embeddings (B, D'), any real values; detached here. The widths may
            differ.
        gamma: Sharpness of the kernel; a finite number > 0.

    Returns:
        The mean over pairs of rows, without a unit, >= 0, of shape (). An empty batch
        gives 0 with a graph; a single row has no relations and gives 0.

    Raises:
        ValueError: The tensors are not (B, D) and (B, D').

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import cc_loss
        >>> cc_loss(torch.eye(2), torch.ones(2, 2))  # (exp(-0.8) * 1.12)^2 / 2
        tensor(0.1266)
    """
    check_embeddings(student, teacher)
    with full_precision(student, teacher) as (student_BD, teacher_BD):
        if len(student_BD) == 0:
            return student_BD.sum() * 0.0
        difference_BB = _kernel(student_BD, gamma) - _kernel(teacher_BD, gamma)
        return difference_BB.square().mean()


def _kernel(rows_BD: Tensor, gamma: float) -> Tensor:
    rows_BD = unit_vectors(rows_BD)
    exponent_BB = 2 * gamma * (rows_BD @ rows_BD.T)
    return math.exp(-2 * gamma) * (1 + exponent_BB + exponent_BB.square() / 2)
