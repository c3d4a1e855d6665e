"""JS: the symmetric, bounded relative of KD's divergence."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['js_loss']


def js_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Jensen-Shannon divergence of the student's and the teacher's distributions.

    .. math::
        L = \frac{T^2}{2B} \sum_i \left[ \mathrm{KL}(p_{t,i} \,\|\, m_i)
            + \mathrm{KL}(p_{s,i} \,\|\, m_i) \right], \qquad
        m = \frac{p_s + p_t}{2}, \quad p = \mathrm{softmax}(z / T)

    "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37, 1991. It equals `KLJSLoss('js')` of PaddleOCR up to the constant of 1e-5
    in the logarithms there; the factor T^2 is KD's (arXiv:1503.02531).

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides both logits; a finite number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times T^2, from 0 to T^2 log(2), of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import js_loss
        >>> js_loss(100 * torch.eye(2), 100 * torch.eye(2).flip(0))  # log(2)
        tensor(0.6931)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        student_BC = F.log_softmax(student_BC / temperature, dim=1)
        teacher_BC = F.log_softmax(teacher_BC / temperature, dim=1)
        middle_BC = torch.logaddexp(student_BC, teacher_BC) - math.log(2)
        both_B = _divergence(teacher_BC, middle_BC) + _divergence(student_BC, middle_BC)
        return reduced(both_B, reduction) * temperature**2 / 2


def _divergence(first: Tensor, second: Tensor) -> Tensor:
    return F.kl_div(second, first, reduction='none', log_target=True).sum(dim=1)
