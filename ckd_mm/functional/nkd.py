"""NKD: cross-entropies of the target class and of the other classes, renormalised.

Shape suffixes beside the package's: O the C - 1 classes other than the target.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import (
    check_two_classes,
    class_indices,
    other_classes,
)
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['nkd_loss']


def nkd_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    gamma: float = 1.5,
    temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Cross-entropy on the target class and, renormalised, on all other classes.

    .. math::
        L = -\frac{1}{B} \sum_i \left[ p_{t,iy} \log p_{s,iy}
            + \gamma T^2 \sum_{c \ne y} n_{t,ic} \log n_{s,ic} \right], \qquad
        p = \mathrm{softmax}(z)

    with n the softmax of z / T over the classes other than the target y.

    "From Knowledge Distillation to Self-Knowledge Distillation", arXiv:2303.13005. It
    equals the authors' `NKDLoss`; here the target is skipped by index instead of by a
    boolean mask, which would synchronise a GPU.

    Args:
        student: Logits (B, C), any real values, C >= 2; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class, as in
            the authors' code.
        gamma: Weight of the non-target part; a finite number >= 0.
        temperature: Divides both logits in the non-target part; a finite number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats, >= 0, of shape (). These are cross-entropies, not
        divergences: a perfect copy does not give 0. An empty batch gives 0 with a
        graph.

    Raises:
        ValueError: The logits are not of one shape (B, C) with C >= 2, or `target` is
            neither of the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import nkd_loss
        >>> logits = torch.zeros(1, 3)  # log(3) / 3 + 1.5 log(2)
        >>> nkd_loss(logits, logits, torch.tensor([0]))
        tensor(1.4059)
    """
    check_logits(student, teacher)
    check_two_classes(student, 'NKD')
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        student_log_p_B1 = F.log_softmax(student_BC, dim=1).gather(1, target_B1)
        teacher_p_B1 = teacher_BC.softmax(dim=1).gather(1, target_B1)
        others_BO = other_classes(target_B1, student_BC.shape[1])
        student_BO = student_BC.gather(1, others_BO) / temperature
        teacher_BO = teacher_BC.gather(1, others_BO) / temperature
        non_target_part_B = F.cross_entropy(
            student_BO, teacher_BO.softmax(dim=1), reduction='none'
        )
        target_part_B = -(teacher_p_B1 * student_log_p_B1)[:, 0]
        rows_B = target_part_B + gamma * temperature**2 * non_target_part_B
        return reduced(rows_B, reduction)
