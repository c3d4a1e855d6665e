"""RKD: distances and angles between the samples of a batch.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._vectors import unit_vectors

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
        angle_weight: Weight of the angles; a finite number >= 0. The angles take B^3
            numbers per model: 0.5 GB at B = 512.

    Returns:
        The mean over pairs and over triplets, without a unit, >= 0, of shape (). An
        empty batch gives 0 with a graph; a single row has no relations and gives 0.

    Raises:
        ValueError: The tensors are not (B, D) and (B, D').

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
        student_BBD = student_BD[None] - student_BD[:, None]
        teacher_BBD = teacher_BD[None] - teacher_BD[:, None]
        value = F.smooth_l1_loss(_distances(student_BBD), _distances(teacher_BBD))
        value = distance_weight * value
        if angle_weight:  # the angles cost most of the time and memory
            angles = F.smooth_l1_loss(_angles(student_BBD), _angles(teacher_BBD))
            value = value + angle_weight * angles
        return value


def _distances(difference_BBD: Tensor) -> Tensor:
    """Distances of all pairs (B, B), in units of their mean."""
    distance_BB = difference_BBD.norm(dim=2)
    num_apart = (distance_BB > 0).sum().clamp_min(1)
    mean = distance_BB.sum() / num_apart
    return distance_BB / torch.where(mean > 0, mean, 1.0)


def _angles(difference_BBD: Tensor) -> Tensor:
    """Cosines (B, B, B) at the first row, between the directions to the other two."""
    direction_BBD = unit_vectors(difference_BBD)
    return direction_BBD @ direction_BBD.mT
