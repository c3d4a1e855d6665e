"""KL of box distributions, where the teacher is sure of an object."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, weighted_mean

__all__ = ['distributionkd_loss']


def distributionkd_loss(
    student: Tensor,
    teacher: Tensor,
    scores: Tensor,
    *,
    temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Divergence of softened distributions, weighed by the teacher's confidence.

    .. math::
        L = T^2 \frac{\sum_i w_i \, \mathrm{KL}(p_{t,i} \,\|\, p_{s,i})}{\sum_i w_i},
        \qquad p = \mathrm{softmax}(z / T)

    CrossKD (arXiv:2306.11369) has it for the distances to the edges of a box, at T 1
    and weight 4, with the teacher's probability of an object as w. Written from its
    description; its code was not read.

    Args:
        student: Logits (K, B) of a distribution; gets the gradient.
        teacher: Logits (K, B) of the same; detached here.
        scores: How much each row counts, (K,), >= 0.
        temperature: Divides both logits; a finite number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean with these weights, in nats times T^2, >= 0, of shape (). No rows, or
        weights of 0 alone, give 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (K, B), or of other rows.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import distributionkd_loss
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])
        >>> distributionkd_loss(student, teacher, torch.tensor([0.5]))
        tensor(0.3278)
    """
    check_logits(student, teacher)
    if scores.shape != student.shape[:1]:
        raise ValueError(
            f'scores must be (K,), one for each of {len(student)} rows, got '
            f'{tuple(scores.shape)}'
        )
    with full_precision(student, teacher) as (student_KB, teacher_KB):
        each_KB = F.kl_div(
            F.log_softmax(student_KB / temperature, dim=1),
            F.log_softmax(teacher_KB / temperature, dim=1),
            reduction='none',
            log_target=True,
        )
        return weighted_mean(each_KB.sum(1), scores, reduction) * temperature**2
