"""Scores of models before training, and how well an order of them was right.

Shape suffixes beside the package's: D channels of an embedding, M models.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._vectors import unit_vectors

__all__ = ['diswot_semantics', 'kendall', 'parc', 'spearman']


@torch.no_grad()
def diswot_semantics(student: Tensor, teacher: Tensor) -> Tensor:
    r"""How alike two classifiers are in the gradients at their weights, as in DisWOT.

    .. math::
        S = -\frac{1}{C D} \sum_c \lVert Q(g^s_c) - Q(g^t_c) \rVert_F^2, \qquad
        Q(g) = g g^\top \text{ with each row divided by its length}

    "DisWOT: Student Architecture Search for Distillation WithOut Training",
    arXiv:2303.15678. Row i of Q(g) is sign(g_i) g / |g|, so no matrix is made here. Its
    other score, of the relations of samples, is minus :func:`sp_loss`.

    Args:
        student: Gradient (C, D) of the cross entropy at the classifier's weight.
        teacher: The same of the teacher.

    Returns:
        The score, higher is better, from -4 to 0, of shape ().

    Raises:
        ValueError: The gradients are not of one shape (C, D).

    Examples:
        >>> student, teacher = torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)
        >>> round(diswot_semantics(student, teacher).item(), 3)  # (3 - sqrt(2)) / 2
        -0.793
    """
    if student.dim() != 2 or student.shape != teacher.shape:
        raise ValueError(
            'the gradients must have one shape (C, D), got '
            f'{tuple(student.shape)} and {tuple(teacher.shape)}; take a student whose '
            "embedding is as wide as the teacher's"
        )
    student_CD, teacher_CD = (
        unit_vectors(student.double()),
        unit_vectors(teacher.double()),
    )
    cosine_C = (student_CD * teacher_CD).sum(dim=1)
    agree_C = (student_CD.sign() * teacher_CD.sign()).sum(dim=1)
    lengths_C = (student_CD != 0).sum(dim=1) + (teacher_CD != 0).sum(dim=1)
    distance_C = lengths_C - 2 * agree_C * cosine_C
    return -distance_C.mean() / student.shape[1]


@torch.no_grad()
def parc(features: Tensor, labels: Tensor) -> float:
    """PARC: whether images of one class have features that correlate.

    The rank correlation of two lists over all pairs of images: 1 - Pearson's
    correlation of their features, each standardised over the images, and of their
    one-hot labels. "Scalable Diverse Model Selection for Accessible Transfer Learning",
    arXiv:2111.06977. The authors' code (dbolya/parc, MIT) gives 100 times as much, and
    reduces the features to fewer dimensions before, as an option.

    Args:
        features: Embeddings (B, D) of a model, B >= 3.
        labels: The classes (B,) of the images, of two classes at least.

    Returns:
        From -1 to 1; higher is better.

    Raises:
        ValueError: The shapes are others, there is one class only, or a feature
            is not finite, or those of one image are all equal.

    Examples:
        >>> features = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
        >>> round(parc(features, torch.tensor([0, 0, 1, 1])), 3)
        1.0
    """
    if features.dim() != 2 or labels.shape != features.shape[:1] or len(labels) < 3:
        raise ValueError(
            'features must be (B, D) and labels (B,) with B >= 3, got '
            f'{tuple(features.shape)} and {tuple(labels.shape)}; give one row for each '
            'image'
        )
    if len(labels.unique()) < 2:
        raise ValueError(
            f'all {len(labels)} images are of class {int(labels[0])}; give images of '
            'two classes at least'
        )
    rows = features.double()
    spread = rows.std(dim=0, correction=0)
    rows = (rows - rows.mean(dim=0)) / torch.where(spread > 0, spread, 1.0)
    upper = torch.triu_indices(len(rows), len(rows), offset=1)
    distances = 1 - _pearson(rows)[upper[0], upper[1]]
    if not distances.isfinite().all():
        raise ValueError(
            'an image has features that are not finite, or that are all equal, so '
            'nothing correlates with them; look whether the training of this model '
            'diverged'
        )
    differ = (labels[upper[0]] != labels[upper[1]]).double()
    return spearman(distances, differ)


@torch.no_grad()
def spearman(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation; equal values share the mean of their ranks.

    Args:
        first: Values (M,), M >= 2.
        second: Values (M,).

    Returns:
        From -1 to 1; nan where all values of one are equal.

    Examples:
        >>> round(spearman(torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 9, 4])), 3)
        0.5
    """
    ranks = torch.stack([_ranks(first), _ranks(second)])
    return float(_pearson(ranks)[0, 1].clamp(-1, 1))


@torch.no_grad()
def kendall(first: Tensor, second: Tensor) -> float:
    """Kendall's rank correlation tau-b, which takes account of equal values.

    Args:
        first: Values (M,), M >= 2.
        second: Values (M,).

    Returns:
        From -1 to 1; nan where all values of one are equal.

    Examples:
        >>> round(kendall(torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 9, 4])), 3)
        0.333
    """
    signs = [
        (one.double()[:, None] - one.double()[None]).sign() for one in (first, second)
    ]
    scale = (signs[0].square().sum() * signs[1].square().sum()).sqrt()
    return float((signs[0] * signs[1]).sum() / scale)


def _pearson(rows: Tensor) -> Tensor:
    """The correlations (B, B) of all pairs of rows (B, D)."""
    centred = rows - rows.mean(dim=1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True)
    return unit @ unit.T


def _ranks(values: Tensor) -> Tensor:
    """Ranks (M,) from 0, those of equal values averaged."""
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0)
    return (ends - (counts + 1) / 2).double()[inverse]
