"""BD-KD: forward and reverse divergence, balanced sample by sample."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['bdkd_loss']


def bdkd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    emphasis: float = 2.0,
    temperature: float = 4.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Divergences in both directions, the more useful one weighted more.

    .. math::
        L = \frac{T^2}{B} \sum_i \left[ f_i\, \mathrm{KL}(p_{t,i} \,\|\, p_{s,i})
            + r_i\, \mathrm{KL}(p_{s,i} \,\|\, p_{t,i}) \right], \qquad
        (f_i, r_i) = \begin{cases}
            (e, 1) & H(p_{s,i}) < H(p_{t,i}) \\ (1, e) & \text{else} \end{cases}

    with e the emphasis, H the entropy and p = softmax(z / T). The forward divergence
    spreads the distribution of a student that is surer than its teacher. The reverse
    one concentrates that of a student that is less sure.

    After "BD-KD: Balancing the Divergences for Online Knowledge Distillation",
    arXiv:2212.12965, which weights both divergences per sample by the gap of the
    entropies. The rule above, its two weights and their default are ours, not taken
    from the paper; there is no public code to compare with. In the paper the teacher is
    trained along with the student; here it is frozen.

    Args:
        student: Logits (B, C), any real values; gets the gradient. The weights f and r
            get none.
        teacher: Logits (B, C), any real values; detached here.
        emphasis: Weight of the emphasised direction; a finite number > 0. The other
            has weight 1.
        temperature: Divides both logits, also for the entropies; a finite number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times T^2, >= 0, of shape (). An empty batch gives 0
        with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import bdkd_loss
        >>> sure, unsure = torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2)
        >>> bdkd_loss(sure, unsure, temperature=1.0)  # 2 * 0.4338 + 0.3278
        tensor(1.1954)
        >>> bdkd_loss(unsure, sure, temperature=1.0)  # 0.3278 + 2 * 0.4338
        tensor(1.1954)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        student_BC = F.log_softmax(student_BC / temperature, dim=1)
        teacher_BC = F.log_softmax(teacher_BC / temperature, dim=1)
        forward_B = _divergence(teacher_BC, student_BC)
        reverse_B = _divergence(student_BC, teacher_BC)
        student_is_surer_B = _entropy(student_BC.detach()) < _entropy(teacher_BC)
        more_B = (emphasis - 1) * torch.where(student_is_surer_B, forward_B, reverse_B)
        rows_B = forward_B + reverse_B + more_B
        return reduced(rows_B, reduction) * temperature**2


def _divergence(first_BC: Tensor, second_BC: Tensor) -> Tensor:
    """KL(first || second) of each row, both given as logarithms."""
    return (first_BC.exp() * (first_BC - second_BC)).sum(dim=1)


def _entropy(log_p_BC: Tensor) -> Tensor:
    return -(log_p_BC.exp() * log_p_BC).sum(dim=1)
