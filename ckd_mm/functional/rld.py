"""RLD: the teacher's logits without what contradicts the label.

Shape suffixes beside the package's: O the C - 1 classes other than a given one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import (
    check_two_classes,
    class_indices,
    other_classes,
)
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['rld_loss']


def rld_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
    confidence_temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Divergence of the confidence, and of the classes that stay below the target.

    .. math::
        L = \frac{1}{B} \sum_i \left[
            \alpha\, T_c^2\, \mathrm{KL}(b_{t,i} \,\|\, b_{s,i})
            + \beta\, T^2\, \mathrm{KL}(m_{t,i} \,\|\, m_{s,i}) \right]

    with b_t = (max p_t, 1 - max p_t) and b_s = (p_s(y), 1 - p_s(y)) at the temperature
    T_c, and m the softmax of z / T over the classes whose logit of the teacher is below
    the teacher's logit of the target y. The student's confidence in the target follows
    the teacher's confidence in whichever class it prefers. A class that the teacher
    puts at or above the target is left out of m, as is the target.

    "Knowledge Distillation with Refined Logits", arXiv:2408.07703. The authors take the
    logarithm of p_y and 1 - p_y, which is -inf once a student is sure enough; here
    everything is computed in log space. Their code has no licence and was only read.
    It can standardise the logits, which this loss does not.

    Args:
        student: Logits (B, C), any real values, C >= 2; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class; the
            paper has no soft labels.
        alpha: Weight of the confidence; a finite number >= 0.
        beta: Weight of the classes below the target; a finite number >= 0.
        temperature: Divides both logits in m; a finite number > 0.
        confidence_temperature: Divides both logits in b; a finite number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times the squared temperature, >= 0, of shape (). A
        row whose target is the teacher's last or last but one class has no second part.
        An empty batch gives 0 with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C) with C >= 2, or `target` is
            neither of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import rld_loss
        >>> student, teacher = torch.zeros(1, 3), torch.tensor([[4.0, 0.0, 1.0]])
        >>> rld_loss(student, teacher, torch.tensor([0]))  # the teacher is right
        tensor(1.8095)
        >>> rld_loss(student, teacher, torch.tensor([1]))  # it is wrong: confidence
        tensor(0.8172)
    """
    check_logits(student, teacher)
    check_two_classes(student, 'RLD')
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        best_B1 = teacher_BC.argmax(dim=1, keepdim=True)
        confidence_B = _divergence(
            _one_against_rest(student_BC / confidence_temperature, target_B1),
            _one_against_rest(teacher_BC / confidence_temperature, best_B1),
        )
        left_out_BC = teacher_BC >= teacher_BC.gather(1, target_B1)
        below_B = _divergence(
            _masked(student_BC / temperature, left_out_BC),
            _masked(teacher_BC / temperature, left_out_BC),
        )
        rows_B = (
            alpha * confidence_temperature**2 * confidence_B
            + beta * temperature**2 * below_B
        )
        return reduced(rows_B, reduction)


def _one_against_rest(scaled_BC: Tensor, class_B1: Tensor) -> Tensor:
    """The logarithms of p(class) and of 1 - p(class), (B, 2)."""
    log_p_BC = F.log_softmax(scaled_BC, dim=1)
    others_BO = other_classes(class_B1, scaled_BC.shape[1])
    log_rest_B1 = log_p_BC.gather(1, others_BO).logsumexp(dim=1, keepdim=True)
    return torch.cat([log_p_BC.gather(1, class_B1), log_rest_B1], dim=1)


def _masked(scaled_BC: Tensor, left_out_BC: Tensor) -> Tensor:
    """The logarithm of the softmax without some classes; uniform if all are left out.

    A finite number stands for -inf, which would make the divergence 0 times -inf.
    """
    lowest = torch.finfo(scaled_BC.dtype).min / 4
    return F.log_softmax(scaled_BC.masked_fill(left_out_BC, lowest), dim=1)


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    return F.kl_div(student, teacher, reduction='none', log_target=True).sum(dim=1)
