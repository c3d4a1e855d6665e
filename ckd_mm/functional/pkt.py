"""PKT: the probability that a sample picks another one as its neighbour.

Shape suffixes beside the package's: D channels of an embedding.
"""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['pkt_loss']

# The authors' constant, part of the values: added to lengths and, as two rows may be
# exact opposites, to probabilities before their logarithm.
_EPSILON = 1e-7


def pkt_loss(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Divergence of the neighbour probabilities that cosines give.

    .. math::
        L = \frac{1}{B^2} \sum_{ij} p_{t,ij} \log \frac{p_{t,ij}}{p_{s,ij}}, \qquad
        p_{ij} = \frac{1 + \cos(x_i, x_j)}{\sum_k 1 + \cos(x_i, x_k)}

    "Learning Deep Representations with Probabilistic Knowledge Transfer",
    arXiv:1803.10837. It equals mdistiller's `pkt_loss` with its epsilon of 1e-7; a zero
    row has cosine 0 with everything and gets no gradient here.

    Args:
        student: Embeddings (B, D), any real values; gets the gradient.
        teacher: Embeddings (B, D'), any real values; detached here. The widths may
            differ.

    Returns:
        The mean over pairs of rows, in nats, >= 0 up to epsilon, of shape (). It falls
        with the square of B, which is why the papers use a large weight. An empty batch
        gives 0 with a graph; a single row has no relations and gives 0.

    Raises:
        ValueError: The tensors are not (B, D) and (B, D').

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import pkt_loss
        >>> pkt_loss(torch.eye(2), torch.ones(2, 2))  # (2/3, 1/3) against (1/2, 1/2)
        tensor(0.0294)
    """
    check_embeddings(student, teacher)
    with full_precision(student, teacher) as (student_BD, teacher_BD):
        if len(student_BD) == 0:
            return student_BD.sum() * 0.0
        student_BB = _neighbours(student_BD)
        teacher_BB = _neighbours(teacher_BD)
        ratio_BB = (teacher_BB + _EPSILON) / (student_BB + _EPSILON)
        return (teacher_BB * ratio_BB.log()).mean()


def _neighbours(rows_BD: Tensor) -> Tensor:
    rows_BD = unit_vectors(rows_BD, _EPSILON)
    similarity_BB = (rows_BD @ rows_BD.T + 1) / 2
    return similarity_BB / similarity_BB.sum(dim=1, keepdim=True)
