"""TTM: the teacher's distribution at a temperature, the student's as it is."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['ttm_loss']


def ttm_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    gamma: float = 0.2,
    weighted: bool = True,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Divergence of the student's distribution from the transformed teacher's.

    .. math::
        L = \frac{1}{B} \sum_i U_i\, \mathrm{KL}(q_i \,\|\, p_{s,i}), \qquad
        U_i = \sum_c p_{t,ic}^\gamma, \quad q_{ic} = p_{t,ic}^\gamma / U_i, \quad
        p = \mathrm{softmax}(z)

    The power is a temperature of 1 / gamma for the teacher. That the student has none
    adds the Rényi entropy of its distribution to KD. U is larger for rows in which the
    teacher is less sure. With `weighted=False` it is 1.

    "Knowledge Distillation Based on Transformed Teacher Matching", arXiv:2402.11148:
    WTTM, and TTM without the weight. It equals the authors' code; here the powers are
    computed in log space.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        gamma: The power; a finite number > 0, in the paper at most 1.
        weighted: Whether rows are weighted by U.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats, times U, which is from 1 to C^(1 - gamma) for a
        gamma of at most 1; >= 0, of shape (). There is no factor 1 / gamma^2. An empty
        batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ttm_loss
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[8.0, 0.0]])
        >>> ttm_loss(student, teacher, gamma=1.0)
        tensor(0.6901)
        >>> ttm_loss(student, teacher, gamma=0.5)  # less sure, and weighs more
        tensor(0.6140)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        powers_BC = gamma * F.log_softmax(teacher_BC, dim=1)
        divergence_BC = F.kl_div(
            F.log_softmax(student_BC, dim=1),
            F.log_softmax(powers_BC, dim=1),
            reduction='none',
            log_target=True,
        )
        divergence_B = divergence_BC.sum(dim=1)
        if weighted:
            divergence_B = powers_BC.logsumexp(dim=1).exp() * divergence_B
        return reduced(divergence_B, reduction)
