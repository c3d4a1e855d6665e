"""CTKD: KD at a temperature that is trained against the student."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._standardize import standardized_logits

__all__ = ['ctkd_loss', 'ctkd_strength', 'ctkd_temperature']


def ctkd_loss(
    student: Tensor,
    teacher: Tensor,
    score: Tensor,
    *,
    strength: float = 1.0,
    min_temperature: float = 1.0,
    temperature_range: float = 20.0,
    standardize: bool = False,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""KD whose temperature comes from a score that gets the reversed gradient.

    .. math::
        L = \frac{1}{B} \sum_i T_i^2\, \mathrm{KL}(p_{t,i} \,\|\, p_{s,i}), \qquad
        T_i = T_0 + R\, \sigma(\theta_i), \quad p = \mathrm{softmax}(z / T_i)

    The student is trained to lower L. The score theta gets minus `strength` times its
    gradient, so the same step changes theta to raise L: the student's task becomes
    harder.

    "Curriculum Temperature for Knowledge Distillation", arXiv:2211.16231. As in the
    authors' code, the factor T^2 is part of what the score raises.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        score: Of shape () for one temperature, (B,) for one per row; any real values;
            gets the reversed gradient.
        strength: Multiplies the reversed gradient; a finite number >= 0, see
            :func:`ctkd_strength`.
        min_temperature: T_0; a finite number > 0.
        temperature_range: R; a finite number > 0.
        standardize: Standardise each row of both logits first (arXiv:2403.01427).
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times T^2, >= 0, of shape (). An empty batch gives 0
        with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ctkd_loss
        >>> student, teacher = torch.zeros(1, 2), torch.tensor([[8.0, 0.0]])
        >>> score = torch.zeros((), requires_grad=True)
        >>> value = ctkd_loss(
        ...     student, teacher, score, min_temperature=1.0, temperature_range=6.0
        ... )
        >>> value  # KD at temperature 1 + 6 / 2
        tensor(5.2450, grad_fn=<DivBackward0>)
        >>> value.backward()
        >>> score.grad < 0  # a step downhill raises the temperature and the loss
        tensor(True)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        score = _ReversedGradient.apply(score.to(student_BC.dtype), strength)
        if standardize:
            student_BC, teacher_BC = standardized_logits(student_BC, teacher_BC)
        temperature = ctkd_temperature(score, min_temperature, temperature_range)
        temperature_B1 = temperature.reshape(-1, 1)
        divergence_BC = F.kl_div(
            F.log_softmax(student_BC / temperature_B1, dim=1),
            F.log_softmax(teacher_BC / temperature_B1, dim=1),
            reduction='none',
            log_target=True,
        )
        return reduced(divergence_BC.sum(dim=1) * temperature.square(), reduction)


def ctkd_temperature(
    score: Tensor, min_temperature: float = 1.0, temperature_range: float = 20.0
) -> Tensor:
    """The temperature of a score: `min_temperature` plus a share of the range."""
    return min_temperature + temperature_range * score.sigmoid()


def ctkd_strength(epoch: float, num_epochs: float = 10.0) -> float:
    """The strength of the reversed gradient: from 0 to 1 on half a cosine.

    Args:
        epoch: Completed epochs, a number >= 0; fractional within an epoch.
        num_epochs: Epochs until 1 is reached; a number >= 0.

    Examples:
        >>> from ckd_mm.functional import ctkd_strength
        >>> [round(ctkd_strength(epoch), 3) for epoch in (0, 2.5, 5, 10, 240)]
        [0.0, 0.146, 0.5, 1.0, 1.0]
    """
    done = min(epoch / num_epochs, 1.0) if num_epochs else 1.0
    return (1 - math.cos(math.pi * done)) / 2


class _ReversedGradient(torch.autograd.Function):
    """The identity, whose backward pass multiplies by minus `strength`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None
