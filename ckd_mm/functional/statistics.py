"""What to log beside a loss: where both models agree, and how their rows lie.

A loss value does not show it: the contrastive loss of a perfect copy is far from 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ckd_mm.functional._blocks import MOST_SCORES
from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['alignment', 'retrieval_accuracy', 'top1_agreement', 'uniformity']


@torch.no_grad()
def alignment(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean squared distance of each student row to its match, of unit rows.

    It is 2 - 2 cos. "Understanding Contrastive Representation Learning through
    Alignment and Uniformity on the Hypersphere", arXiv:2005.10242.

    Args:
        student: Logits (B, C), any real values.
        teacher: Logits (B, C), any real values.

    Returns:
        From 0, where each row points as its match does, to 4; float32, of shape (),
        without a graph. An empty batch gives 0.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import alignment
        >>> alignment(torch.eye(2)[[1, 0]], torch.eye(2))
        tensor(2.)
    """
    check_logits(student, teacher)
    if len(student) == 0:
        return _zero(student)
    with full_precision(student, teacher) as pair:
        student_BC, teacher_BC = map(unit_vectors, pair)
        return (student_BC - teacher_BC).square().sum(dim=1).mean().float()


@torch.no_grad()
def uniformity(logits: Tensor) -> Tensor:
    """How evenly unit rows are spread: log mean exp(-2 d^2) over all pairs of rows.

    d is the distance of two different rows. "Understanding Contrastive Representation
    Learning through Alignment and Uniformity on the Hypersphere", arXiv:2005.10242.

    Args:
        logits: Logits (B, C), any real values.

    Returns:
        From 0, where all rows point the same way, down; float32, of shape (), without a
        graph. Fewer than two rows give 0.

    Raises:
        ValueError: The logits are not of shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import uniformity
        >>> uniformity(torch.eye(3))
        tensor(-4.)
    """
    check_logits(logits, logits)
    num_rows = len(logits)
    if num_rows < 2:
        return _zero(logits)
    with full_precision(logits, logits) as (logits_BC, _):
        rows_BC = unit_vectors(logits_BC)
        lengths_B = rows_BC.square().sum(dim=1)
        sums = []
        size = max(1, MOST_SCORES // num_rows)
        for start in range(0, num_rows, size):
            part = slice(start, start + size)
            cosines = rows_BC[part] @ rows_BC.T
            squares = lengths_B[part, None] + lengths_B - 2 * cosines
            values = squares.mul_(-2)
            values.diagonal(start).fill_(-math.inf)
            sums.append(values.logsumexp(dim=1))
        total = torch.cat(sums).logsumexp(dim=0)
    return (total - math.log(num_rows * (num_rows - 1))).float()


@torch.no_grad()
def retrieval_accuracy(student: Tensor, teacher: Tensor) -> Tensor:
    """The share of teacher rows whose nearest student row, by cosine, is their match.

    For teacher row i, the student row with the largest cosine is searched among all
    rows; row i counts if this is student row i. Of equal cosines the first wins. Many
    rows are searched in parts, so memory does not grow with B^2.

    Args:
        student: Logits (B, C), any real values.
        teacher: Logits (B, C), any real values.

    Returns:
        A share from 0 to 1, float32, of shape (), on the device of the logits, without
        a graph. An empty batch gives 0.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import retrieval_accuracy
        >>> student = torch.eye(4)[[0, 1, 3, 2]]
        >>> retrieval_accuracy(student, torch.eye(4))
        tensor(0.5000)
    """
    check_logits(student, teacher)
    if len(student) == 0:
        return _zero(student)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        candidates_CB = unit_vectors(student_BC).T
        parts = unit_vectors(teacher_BC).split(max(1, MOST_SCORES // len(student)))
        nearest_B = torch.cat([(part @ candidates_CB).argmax(dim=1) for part in parts])
    index_B = torch.arange(len(nearest_B), device=nearest_B.device)
    return (nearest_B == index_B).float().mean()


@torch.no_grad()
def top1_agreement(student: Tensor, teacher: Tensor) -> Tensor:
    """The share of rows in which both models give the same class the largest logit.

    Args:
        student: Logits (B, C), any real values.
        teacher: Logits (B, C), any real values.

    Returns:
        A share from 0 to 1, float32, of shape (), on the device of the logits, without
        a graph. An empty batch gives 0.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import top1_agreement
        >>> student = torch.tensor([[2.0, 1.0], [0.0, 5.0]])
        >>> top1_agreement(student, torch.tensor([[9.0, 0.0], [1.0, 0.0]]))
        tensor(0.5000)
    """
    check_logits(student, teacher)
    if len(student) == 0:
        return _zero(student)
    return (student.argmax(dim=1) == teacher.argmax(dim=1)).float().mean()


def _zero(like: Tensor) -> Tensor:
    return torch.zeros((), dtype=torch.float32, device=like.device)
