"""DIST: correlations, within samples and within classes, instead of exact values."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._standardize import centred

__all__ = ['dist_loss']

# The authors' constant. It is part of the values: a class whose probabilities spread
# less than 1e-4 over the batch in both models counts as uncorrelated.
_EPSILON = 1e-8


def dist_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    beta: float = 1.0,
    gamma: float = 1.0,
    temperature: float = 1.0,
) -> Tensor:
    r"""One minus Pearson's correlation of the class probabilities, both ways.

    .. math::
        L = T^2 \left[ \beta \left(1 - \frac{1}{B} \sum_i r(p_{s,i}, p_{t,i})\right)
            + \gamma \left(1 - \frac{1}{C} \sum_c r(p_{s,:c}, p_{t,:c})\right)
            \right], \qquad p = \mathrm{softmax}(z / T)

    "Knowledge Distillation from A Stronger Teacher", arXiv:2205.10536. As in the
    authors' code, 1e-8 is added to the denominator of r. Constant probabilities (a
    student whose head starts at zero) have r = 0 and no gradient here; in the authors'
    code their gradient was 1e3 to 1e7 when measured.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        beta: Weight of the correlation over the classes of a sample; a finite
            number >= 0.
        gamma: Weight of the correlation over the samples of a class; a finite
            number >= 0.
        temperature: Divides both logits; a finite number > 0.

    Returns:
        The mean over rows and the mean over classes, from 0 to 2 (beta + gamma) T^2
        without a unit, of shape (). An empty batch gives 0 with a graph. With a single
        row nothing varies over samples, and the second part is the constant gamma T^2.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import dist_loss
        >>> dist_loss(3 * torch.eye(3), torch.eye(3))  # other values, full correlation
        tensor(0.)
        >>> dist_loss(torch.eye(3), torch.eye(3).flip(0))
        tensor(2.)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        if len(student_BC) == 0:
            return student_BC.sum() * 0.0
        student_BC = (student_BC / temperature).softmax(dim=1)
        teacher_BC = (teacher_BC / temperature).softmax(dim=1)
        over_classes = 1 - _correlation(student_BC, teacher_BC).mean()
        over_samples = 1 - _correlation(student_BC.T, teacher_BC.T).mean()
        return (beta * over_classes + gamma * over_samples) * temperature**2


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of each row of `first` with the same row of `second`."""
    first, second = centred(first), centred(second)
    norms = first.norm(dim=1) * second.norm(dim=1)
    return (first * second).sum(dim=1) / (norms + _EPSILON)
