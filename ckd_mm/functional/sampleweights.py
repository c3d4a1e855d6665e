"""How much each row of a batch counts, by what models and labels say of it.

All weights are >= 0, of shape (B,), in float32 or wider and without a graph.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.distributed import sum_over_ranks
from ckd_mm.functional._inputs import check_logits, check_weighed, full_precision
from ckd_mm.functional._labels import (
    class_indices,
    label_weights,
    soft_cross_entropy,
)
from ckd_mm.functional._standardize import standardized_logits

__all__ = [
    'confidence_gate',
    'correctness_gate',
    'focal_weight',
    'ipwd_weight',
    'mean_one',
]

SMALLEST = 1e-4
"""Cross-entropies are not below it in a ratio: in float32 they may be rounded to 0."""


@torch.no_grad()
def confidence_gate(
    teacher: Tensor, *, threshold: float, otherwise: float = 0.0
) -> Tensor:
    """1 for rows whose largest probability reaches a threshold.

    FixMatch (arXiv:2001.07685) leaves out pseudo-labels like this, at 0.95.

    Args:
        teacher: Logits (B, C).
        threshold: From 0 to 1.
        otherwise: The weight of the other rows, >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import confidence_gate
        >>> confidence_gate(torch.tensor([[3.0, 0.0], [0.1, 0.0]]), threshold=0.9)
        tensor([1., 0.])
    """
    with full_precision(teacher, teacher) as (_, teacher_BC):
        confidence_B = teacher_BC.softmax(dim=1).amax(dim=1)
        return torch.where(confidence_B >= threshold, 1.0, otherwise)


@torch.no_grad()
def correctness_gate(
    teacher: Tensor, target: Tensor, *, otherwise: float = 0.0
) -> Tensor:
    """1 for rows whose largest logit is that of the target.

    Args:
        teacher: Logits (B, C).
        target: Class indices (B,), or soft labels (B, C), whose largest one counts.
        otherwise: The weight of the other rows, >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import correctness_gate
        >>> logits = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
        >>> correctness_gate(logits, torch.tensor([0, 1]), otherwise=0.5)
        tensor([1.0000, 0.5000])
    """
    is_right_B = teacher.argmax(dim=1) == class_indices(target, teacher)
    return torch.where(is_right_B, 1.0, otherwise)


@torch.no_grad()
def focal_weight(student: Tensor, target: Tensor, *, gamma: float = 2.0) -> Tensor:
    r"""Less for rows that the student has learnt.

    .. math::
        w_i = (1 - p_i)^\gamma

    with the student's probability of the target, as in the focal loss
    (arXiv:1708.02002).

    Args:
        student: Logits (B, C).
        target: Class indices (B,), or soft labels (B, C), whose mean of the
            probabilities is taken.
        gamma: A finite number >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import focal_weight
        >>> focal_weight(torch.zeros(1, 2), torch.tensor([0]), gamma=2.0)
        tensor([0.2500])

    Raises:
        ValueError: The student's are no logits.
    """
    check_weighed(student)
    share_BC = label_weights(target, len(student), student.shape[1])
    with full_precision(student, student) as (student_BC, _):
        known_B = (student_BC.softmax(dim=1) * share_BC).sum(dim=1)
        return (1 - known_B).clamp_min(0.0) ** gamma


@torch.no_grad()
def ipwd_weight(student: Tensor, unbiased: Tensor, target: Tensor) -> Tensor:
    r"""More for rows on which the distilled student is better than one without.

    .. math::
        w_i = 1 + \frac{H(y_i, p^{cls}_i)}{H(y_i, p^{kd}_i)}

    of standardised logits, with the cross-entropy H. It is the inverse probability
    weighting of "Respecting Transfer Gap in Knowledge Distillation", arXiv:2210.12787.
    The authors have published no code, and this is written from a summary: how logits
    are standardised, and that H is not below 1e-4, is ours.

    Args:
        student: Logits (B, C), trained by labels and by the teacher.
        unbiased: Logits (B, C) of a second head, trained by labels alone.
        target: Class indices (B,), or soft labels (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ipwd_weight
        >>> logits = torch.tensor([[2.0, 0.0, 1.0]])
        >>> ipwd_weight(logits, logits, torch.tensor([0]))
        tensor([2.])
    """
    check_logits(student, unbiased)
    share_BC = label_weights(target, len(student), student.shape[1])
    with full_precision(student, unbiased) as pair:
        of_kd_B, of_cls_B = (
            soft_cross_entropy(logits_BC, share_BC).clamp_min(SMALLEST)
            for logits_BC in standardized_logits(*pair)
        )
        return 1 + of_cls_B / of_kd_B


@torch.no_grad()
def mean_one(weights: Tensor) -> Tensor:
    """Weights divided by their mean over the rows of all ranks; 0 where all are 0.

    Args:
        weights: This rank's (B,), >= 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import mean_one
        >>> mean_one(torch.tensor([1.0, 0.0, 3.0, 0.0]))
        tensor([1., 0., 3., 0.])
    """
    count = torch.full_like(weights.sum(), len(weights))
    total, number = sum_over_ranks(torch.stack([weights.sum(), count]))
    return weights * torch.where(total > 0, number / total, 0.0)
