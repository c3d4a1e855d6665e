"""KD: the softened class distribution of each sample, Hinton's original."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._standardize import centred, standardized_logits

__all__ = ['kd_loss']


def kd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 4.0,
    standardize: bool = False,
    restore_scale: bool = False,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Kullback-Leibler divergence of the student's distribution from the teacher's.

    .. math::
        L = T^2 \frac{1}{B} \sum_i \mathrm{KL}(p_{t,i} \,\|\, p_{s,i}), \qquad
        p = \mathrm{softmax}(z / T)

    "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, which has no code.
    It equals mdistiller's `kd_loss`; the teacher's logarithm comes from `log_softmax`.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides both logits; a finite number > 0.
        standardize: Standardise each row of both logits first: minus its mean, divided
            by its standard deviation (arXiv:2403.01427, whose authors take temperature
            2). A constant student row then gets no gradient.
        restore_scale: Multiply each row by the variance of the teacher's logits, over
            C - 1. With `standardize` it is NormKD (arXiv:2308.00520), where T times the
            deviation of a row is its temperature. A constant teacher row, for which
            NormKD's code is NaN, counts 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times T^2, >= 0, of shape (). An empty batch gives 0
        with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import kd_loss
        >>> kd_loss(torch.zeros(1, 2), torch.tensor([[8.0, 0.0]]))
        tensor(5.2450)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        scale_B = _variance(teacher_BC) if restore_scale else 1.0
        if standardize:
            # NormKD has no epsilon; this one vanishes beside any deviation
            options = {'epsilon': 1e-12} if restore_scale else {}
            student_BC, teacher_BC = standardized_logits(
                student_BC, teacher_BC, **options
            )
        divergence_BC = F.kl_div(
            F.log_softmax(student_BC / temperature, dim=1),
            F.log_softmax(teacher_BC / temperature, dim=1),
            reduction='none',
            log_target=True,
        )
        rows_B = divergence_BC.sum(dim=1) * scale_B
        return reduced(rows_B, reduction) * temperature**2


def _variance(rows_BC: Tensor) -> Tensor:
    """The unbiased variance of each row; exactly 0 for a constant one."""
    free = max(rows_BC.shape[1] - 1, 1)
    return centred(rows_BC).square().sum(dim=1) / free
