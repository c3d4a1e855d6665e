"""PLD: the teacher's ranking of all classes, the target first."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import class_indices
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['pld_loss']


def pld_loss(
    student: Tensor,
    teacher: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Weighted Plackett-Luce likelihood of the teacher's order of the classes.

    The target class comes first, then the other classes by descending teacher logit.
    With s_1, s_2, ... the student's logits in that order,

    .. math::
        L = \frac{1}{B} \sum_i \sum_k q_k \left[ \log \sum_{l \ge k} \exp(s_l) - s_k
            \right], \qquad q = \mathrm{softmax}(z_t / T)

    "PLD: A Choice-Theoretic List-Wise Knowledge Distillation", arXiv:2506.12542,
    written from the paper (appendix C) without public code. The first summand is
    the cross-entropy with the target, weighted by the teacher: the loss replaces the
    student's own cross-entropy (`student_loss_weight=0` of the hook). Classes with
    equal teacher logits keep their order.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        target: Class indices (B,), integers in [0, C). Soft labels (B, C), floating
            point, as mixup and cutmix make them, count by their largest class, which is
            our choice: a ranking has one first class.
        temperature: Divides the teacher's logits in q; a finite number > 0. The
            student's are not divided.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats, >= 0, of shape (). An empty batch gives 0 with a
        graph.

    Raises:
        ValueError: The logits are not of one shape (B, C), or `target` is neither of
            the two forms.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import pld_loss
        >>> student = torch.tensor([[9.0, 0.0, -9.0]])
        >>> pld_loss(student, student, torch.tensor([0]))
        tensor(0.0001)
        >>> pld_loss(student, -student, torch.tensor([2]))
        tensor(17.9990)
    """
    check_logits(student, teacher)
    target_B1 = class_indices(target, student)[:, None]
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        first_BC = teacher_BC.scatter(1, target_B1, float('inf'))
        order_BC = first_BC.argsort(dim=1, descending=True, stable=True)
        ranked_BC = student_BC.gather(1, order_BC)
        remaining_BC = ranked_BC.flip(1).logcumsumexp(dim=1).flip(1)
        weight_BC = (teacher_BC / temperature).softmax(dim=1).gather(1, order_BC)
        rows_B = (weight_BC * (remaining_BC - ranked_BC)).sum(dim=1)
        return reduced(rows_B, reduction)
