"""DKD: Hinton's KD split into a target and a non-target part, weighted separately.

Shape suffixes beside the package's: O the C - 1 classes other than the target.
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
from ckd_mm.functional._standardize import standardized_logits

__all__ = ['dkd_loss']


def dkd_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
    standardize: bool = False,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Decoupled divergence between the student's and the teacher's distributions.

    .. math::
        L = T^2 \frac{1}{B} \sum_i \left[
            \alpha\, \mathrm{KL}(b_{t,i} \,\|\, b_{s,i})
            + \beta\, \mathrm{KL}(q_{t,i} \,\|\, q_{s,i}) \right], \qquad
        b = (p_y, 1 - p_y), \quad p = \mathrm{softmax}(z / T)

    with q the softmax of z / T over the classes other than the target y.

    "Decoupled Knowledge Distillation", arXiv:2203.08679. The authors take the logarithm
    of p_y and 1 - p_y, which is -inf once a student is sure enough, and remove the
    target from q by subtracting 1000 from its logit. Here everything is computed in log
    space, and q excludes the target.

    Args:
        student: Logits (B, C), any real values, C >= 2; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class; the
            paper has no soft labels.
        alpha: Weight of the target part; a finite number >= 0.
        beta: Weight of the non-target part; a finite number >= 0.
        temperature: Divides both logits; a finite number > 0.
        standardize: Standardise each row of both logits first: minus its mean, divided
            by its standard deviation (arXiv:2403.01427, whose authors take temperature
            2). A constant student row then gets no gradient.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats times T^2, >= 0, of shape (). An empty batch gives 0
        with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C) with C >= 2, or `target` is
            neither of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import dkd_loss
        >>> student, teacher = torch.zeros(1, 3), torch.tensor([[4.0, 0.0, 0.0]])
        >>> dkd_loss(student, teacher, torch.tensor([0]))  # q agrees, b does not
        tensor(1.9726)
        >>> dkd_loss(student, teacher, torch.tensor([1]))
        tensor(14.7745)
    """
    check_logits(student, teacher)
    check_two_classes(student, 'DKD')
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        if standardize:
            student_BC, teacher_BC = standardized_logits(student_BC, teacher_BC)
        student_B2, student_BO = _decouple(student_BC / temperature, target_B1)
        teacher_B2, teacher_BO = _decouple(teacher_BC / temperature, target_B1)
        target_part_B = _divergence(student_B2, teacher_B2)
        non_target_part_B = _divergence(student_BO, teacher_BO)
        rows_B = alpha * target_part_B + beta * non_target_part_B
        return reduced(rows_B, reduction) * temperature**2


def _decouple(scaled_BC: Tensor, target_B1: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithms of b (B, 2) and of q (B, O)."""
    log_p_BC = F.log_softmax(scaled_BC, dim=1)
    others_BO = other_classes(target_B1, scaled_BC.shape[1])
    log_p_target_B1 = log_p_BC.gather(1, target_B1)
    log_p_rest_B1 = log_p_BC.gather(1, others_BO).logsumexp(dim=1, keepdim=True)
    log_q_BO = F.log_softmax(scaled_BC.gather(1, others_BO), dim=1)
    return torch.cat([log_p_target_B1, log_p_rest_B1], dim=1), log_q_BO


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    return F.kl_div(student, teacher, reduction='none', log_target=True).sum(dim=1)
