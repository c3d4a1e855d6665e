"""RKD: distances and angles between the samples of a batch.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._angles import angle_error, distances
from ckd_mm.functional._inputs import check_embeddings, full_precision

__all__ = ['rkd_loss']


def rkd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    distance_weight: float = 25.0,
    angle_weight: float = 50.0,
) -> Tensor:
    r"""Smooth L1 loss of the distances of all pairs and the angles of all triplets.

    .. math::
        L = \frac{w_d}{B^2} \sum_{ij} \ell(d^s_{ij}, d^t_{ij})
            + \frac{w_a}{B^3} \sum_{ijk} \ell(a^s_{ijk}, a^t_{ijk}), \qquad
        d_{ij} = \frac{\lVert x_i - x_j \rVert}{\mu}, \quad
        a_{ijk} = \cos(x_j - x_i, x_k - x_i)

    with mu the mean distance of the pairs that do not coincide, and l the smooth L1
    loss.

    "Relational Knowledge Distillation", arXiv:1904.05068. It equals mdistiller's
    `rkd_loss`; here rows that coincide have distance 0 and no gradient instead of
    distance 1e-6.

    Args:
        student: Embeddings (B, D), any real values; gets the gradient.
        teacher: Embeddings (B, D'), any real values; detached here. The widths may
            differ.
        distance_weight: Weight of the distances; a finite number >= 0.
        angle_weight: Weight of the angles; a finite number >= 0. Their arithmetic grows
            with B^3 D, their memory does not: blocks have 2^24 numbers, or those of one
            row where it has more. With 0 no angle is computed.

    Returns:
        The mean over pairs and over triplets, without a unit, >= 0, of shape (). An
        empty batch gives 0 with a graph; a single row has no relations and gives 0.

    Raises:
        ValueError: The tensors are not (B, D) and (B, D').
        RuntimeError: The backward pass has `create_graph=True`: there is no second
            derivative.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import rkd_loss
        >>> rkd_loss(3 * torch.eye(3), torch.eye(3)) < 1e-6  # the same triangle, larger
        tensor(True)
        >>> line = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
        >>> rkd_loss(line, torch.eye(3))
        tensor(5.6713)
    """
    check_embeddings(student, teacher)
    with full_precision(student, teacher) as (student_BD, teacher_BD):
        if len(student_BD) == 0:
            return student_BD.sum() * 0.0
        pair = _distances(student_BD), _distances(teacher_BD)
        value = distance_weight * F.smooth_l1_loss(*pair)
        if angle_weight:  # the angles cost most of the time and memory
            value = value + angle_weight * angle_error(student_BD, teacher_BD)
        return value


def _distances(rows_BD: Tensor) -> Tensor:
    """Distances of all pairs (B, B), in units of their mean."""
    distance_BB = distances(rows_BD)
    num_apart = (distance_BB > 0).sum().clamp_min(1)
    mean = distance_BB.sum() / num_apart
    return distance_BB / torch.where(mean > 0, mean, 1.0)
