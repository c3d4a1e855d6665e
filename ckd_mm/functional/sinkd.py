"""SinKD: optimal transport between the two batches of distributions."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision

__all__ = ['sinkd_loss']


def sinkd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 2.0,
    epsilon: float = 0.1,
    num_iterations: int = 20,
) -> Tensor:
    r"""Sinkhorn distance between the rows of the student and the rows of the teacher.

    .. math::
        L = \frac{1}{B} \sum_{ij} P_{ij} W_{ij}, \qquad
        W_{ij} = \lVert p_{s,i} - p_{t,j} \rVert_1, \quad p = \mathrm{softmax}(z / T)

    with P the matrix exp(-W / epsilon) after `num_iterations` rounds of dividing its
    rows, then its columns, by their sums. The gradient runs through the rounds.

    "Sinkhorn Distance Minimization for Knowledge Distillation", arXiv:2402.17110. The
    authors' code takes the sum over rows times 0.001; the mean is our choice. The
    rounds run in log space here. There is no factor T^2.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides both logits; a finite number > 0.
        epsilon: Entropy regularisation; a finite number > 0. A larger one spreads each
            row over more rows of the other model.
        num_iterations: Rounds; an integer >= 1.

    Returns:
        The mean over rows, a distance of probabilities from 0 to 2, of shape (). The
        plan is spread, so a perfect copy does not give exactly 0. An empty batch gives
        0 with a graph. A single row gives its L1 distance.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import sinkd_loss
        >>> logits = 100 * torch.eye(3)
        >>> sinkd_loss(logits, logits) < 1e-6
        tensor(True)
        >>> sinkd_loss(logits[:1], logits[1:2])
        tensor(2.)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        if len(student_BC) == 0:
            return student_BC.sum() * 0.0
        student_BC = (student_BC / temperature).softmax(dim=1)
        teacher_BC = (teacher_BC / temperature).softmax(dim=1)
        cost_BB = torch.cdist(student_BC, teacher_BC, p=1)
        log_plan_BB = -cost_BB / epsilon
        for _ in range(num_iterations):
            log_plan_BB = log_plan_BB.log_softmax(dim=1).log_softmax(dim=0)
        return (log_plan_BB.exp() * cost_BB).sum() / len(cost_BB)
