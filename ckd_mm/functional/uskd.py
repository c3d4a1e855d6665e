"""USKD: soft labels that a student makes of its own logits and of a middle layer.

Shape suffixes beside the package's: K the labels of a row, one or two.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._labels import class_indices, label_weights

__all__ = ['RankBy', 'uskd_loss']

RankBy = Literal['probability', 'log']

_SMOOTHED = 0.1
_SMALLEST_REST = 1e-6


def uskd_loss(
    student: Tensor,
    weak: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 0.1,
    mu: float = 0.005,
    rank_by: RankBy = 'probability',
) -> Tensor:
    r"""Soft labels of the student itself, for the target and for the other classes.

    .. math::
        L = \frac{1}{B} \sum_i \left[ -\alpha \sum_{c \in T_i} q_{ic} \log p_{ic}
            - \beta \sum_{c \notin T_i} z_{ic} \log n_{ic}
            - \mu \sum_c (0.9 \, v_{ic} + 0.1 / C) \log w_{ic} \right]

    with p and w the softmax of the student's logits and of those of a weak head behind
    a middle layer, n the softmax over the classes other than the targets, v the labels
    and T their classes. The soft labels are constants:

    .. math::
        q_{ic} = p_{ic}^2 + v_{ic} - \frac{1}{B} \sum_j p_{j t_j}^2, \qquad
        z_{ic} \propto 1 / \mathrm{rank}_c \! \left( \frac{w_{ic}}{1 - w_{it}}
            + \frac{p_{ic}}{1 - p_{it}} \right)

    "From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with
    Normalized Loss and Customized Soft Labels", arXiv:2303.13005. The student's own
    cross-entropy is not part of it. With `rank_by='log'` it equals the authors'
    `USKDLoss`, which takes log p for p where it ranks. Of soft labels, the two largest
    count, as there. A row with one class above 0 has one target here; the authors' code
    takes another class beside it as a second target, with a label of 0.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        weak: Logits (B, C) of the weak head, any real values; gets the gradient of the
            last part.
        target: Class indices (B,), integers in [0, C), or soft labels (B, C), as mixup
            and cutmix make them.
        alpha: Weight of the soft label of the target.
        beta: Weight of those of the other classes.
        mu: Weight of the weak head's cross-entropy.
        rank_by: What of the student ranks the classes other than the target.

    Returns:
        The mean over rows, in nats, of shape (). It is bounded below by no number: the
        soft label of a row that is less sure than the others may be below 0 with mixed
        labels. An empty batch gives 0 with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C), with more classes than a row
            has labels, or `target` is neither of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import uskd_loss
        >>> logits, target = torch.zeros(2, 3), torch.tensor([0, 2])
        >>> uskd_loss(logits, logits, target, mu=0.0)  # log(3) + 0.1 log(2)
        tensor(1.1679)
    """
    _check(student, weak, target)
    weight_BC = label_weights(target, *student.shape)
    with full_precision(student, weak) as (student_BC, _):
        weak_BC = weak.to(student_BC.dtype)
        if len(student_BC) == 0:
            return (student_BC.sum() + weak_BC.sum()) * 0.0
        weight_BC = weight_BC.to(student_BC.dtype)
        label_BK, is_label_BK = _labels(target, student_BC)
        log_p_BC = F.log_softmax(student_BC, dim=1)
        value_BK = weight_BC.gather(1, label_BK)
        with torch.no_grad():
            soft_BK = _soft_targets(log_p_BC.gather(1, label_BK), value_BK, is_label_BK)
            is_target_BC = torch.zeros_like(weight_BC, dtype=torch.bool)
            is_target_BC = is_target_BC.scatter(1, label_BK, is_label_BK)
            weak_p_BC = weak_BC.softmax(dim=1)
            ranked_BC = log_p_BC if rank_by == 'log' else log_p_BC.exp()
            zipf_BC = _zipf(weak_p_BC, ranked_BC, is_target_BC)
        of_target = -(soft_BK * log_p_BC.gather(1, label_BK)).sum(dim=1).mean()
        others_BC = student_BC.masked_fill(is_target_BC, -torch.inf)
        log_n_BC = F.log_softmax(others_BC, dim=1).masked_fill(is_target_BC, 0.0)
        of_others = -(zipf_BC * log_n_BC).sum(dim=1).mean()
        smooth_BC = (1 - _SMOOTHED) * weight_BC + _SMOOTHED / weight_BC.shape[1]
        of_weak = -(smooth_BC * F.log_softmax(weak_BC, dim=1)).sum(dim=1).mean()
        return alpha * of_target + beta * of_others + mu * of_weak


def _check(student: Tensor, weak: Tensor, target: Tensor) -> None:
    num_labels = 1 if target.ndim == 1 else 2
    if student.ndim != 2 or weak.shape != student.shape:
        raise ValueError(
            "the student's logits must be (B, C), and those of its weak head of one "
            f'shape with them, got {tuple(student.shape)} and {tuple(weak.shape)}; '
            'flatten each to one row per sample'
        )
    if student.shape[1] <= num_labels:
        raise ValueError(
            f'USKD must have more than {num_labels} classes with these labels, got '
            f'logits {tuple(student.shape)}; use another loss for such a head'
        )


def _labels(target: Tensor, student_BC: Tensor) -> tuple[Tensor, Tensor]:
    """The classes of the labels (B, K), and whether there is such a label (B, K)."""
    if target.ndim == 1:
        label_B1 = class_indices(target, student_BC)[:, None]
        return label_B1, torch.ones_like(label_B1, dtype=torch.bool)
    value_B2, label_B2 = target.topk(2, dim=1)
    return label_B2, value_B2 > 0


def _soft_targets(log_p_BK: Tensor, value_BK: Tensor, is_label_BK: Tensor) -> Tensor:
    """q (B, K); 0 where there is no label."""
    square_BK = (2 * log_p_BK).exp() * is_label_BK
    mean_K = square_BK.sum(dim=0) / is_label_BK.sum(dim=0).clamp_min(1)
    return (square_BK + value_BK - mean_K) * is_label_BK


def _zipf(weak_p_BC: Tensor, ranked_BC: Tensor, is_target_BC: Tensor) -> Tensor:
    """z (B, C): inverse ranks of the classes other than the targets, of sum 1.

    The ranks are among all classes, the targets included.
    """
    parts = []
    for value_BC in (weak_p_BC, ranked_BC):
        of_target_B1 = (value_BC * is_target_BC).sum(dim=1, keepdim=True)
        parts.append(value_BC / (1 - of_target_B1 + _SMALLEST_REST))
    order_BC = (parts[0] + parts[1]).argsort(dim=1, descending=True)
    rank_BC = order_BC.argsort(dim=1) + 1
    zipf_BC = (1 / rank_BC.to(weak_p_BC.dtype)).masked_fill(is_target_BC, 0.0)
    return zipf_BC / zipf_BC.sum(dim=1, keepdim=True)
