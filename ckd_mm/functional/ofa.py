"""OFA: cross-entropy with the teacher, with more weight on the target class."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import class_indices
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['ofa_loss']


def ofa_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    epsilon: float = 1.0,
    temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Cross-entropy in which the teacher's target probability is lifted.

    .. math::
        L = -\frac{1}{B} \sum_i \sum_c \left[ (p_{t,ic} + 1_{c=y})^\epsilon - 1_{c=y}
            \right] \log p_{s,ic}, \qquad p = \mathrm{softmax}(z / T)

    "One-for-All: Bridge the Gap Between Heterogeneous Architectures in Knowledge
    Distillation", arXiv:2310.19444. It equals the authors' `ofa_loss`, but takes the
    logarithm in log space. The authors apply it to the logits of the student and to
    those of extra branches, which have parameters and are not part of this function.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class, as in
            the authors' code.
        epsilon: Exponent; a finite number > 0. Above 1, a sure teacher counts more on
            the target and less elsewhere; at 1 the labels cancel out and this is the
            cross-entropy with the teacher.
        temperature: Divides both logits; a finite number > 0. There is no factor T^2.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats, of shape (). It is a cross-entropy: a perfect copy
        does not give 0. An empty batch gives 0 with a graph.

    Raises:
        ValueError: The logits are not of one shape (B, C), or `target` is neither of
            the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ofa_loss
        >>> logits = torch.zeros(1, 2)
        >>> ofa_loss(logits, logits, torch.tensor([0]))  # log(2)
        tensor(0.6931)
        >>> ofa_loss(logits, logits, torch.tensor([0]), epsilon=2.0)  # 1.5 log(2)
        tensor(1.0397)
    """
    check_logits(student, teacher)
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        teacher_BC = (teacher_BC / temperature).softmax(dim=1)
        one_hot_BC = teacher_BC.new_zeros(teacher_BC.shape).scatter(1, target_B1, 1.0)
        weight_BC = (teacher_BC + one_hot_BC) ** epsilon - one_hot_BC
        rows_B = F.cross_entropy(student_BC / temperature, weight_BC, reduction='none')
        return reduced(rows_B, reduction)
