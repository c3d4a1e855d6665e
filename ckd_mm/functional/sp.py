"""SP: which samples of a batch activate the network alike.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['sp_loss']


def sp_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Squared distance of the row-normalised Gram matrices of the batch.

    .. math::
        L = \frac{1}{B^2} \lVert G_s - G_t \rVert_F^2, \qquad
        G = F F^\top \text{ with each row divided by its length}

    "Similarity-Preserving Knowledge Distillation", arXiv:1907.09682. It equals
    mdistiller's `sp_loss` of one level. A row of F F^T that is zero stays zero.

    Args:
        student: Embeddings (B, D) or feature maps (B, C, H, W), which count as rows of
            D = C H W numbers; any real values; gets the gradient.
        teacher: The same with any width; detached here.

    Returns:
        The mean over pairs of rows, without a unit, from 0 to 4 / B, of shape (). An
        empty batch gives 0 with a graph; a single row has no relations and gives 0.

    Raises:
        ValueError: The tensors have other dimensions or numbers of rows.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import sp_loss
        >>> sp_loss(torch.eye(2), torch.ones(2, 2))  # (1 - 0.7071)^2 and 0.7071^2
        tensor(0.2929)
    """
    check_embeddings(student, teacher, or_maps=True)
    with full_precision(student, teacher) as (student_BD, teacher_BD):
        if len(student_BD) == 0:
            return student_BD.sum() * 0.0
        difference_BB = _similarities(student_BD) - _similarities(teacher_BD)
        return difference_BB.square().mean()


def _similarities(features: Tensor) -> Tensor:
    features_BD = features.flatten(1)
    return unit_vectors(features_BD @ features_BD.T)
