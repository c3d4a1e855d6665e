"""Box regression: follow the teacher where it is nearer to the ground truth."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['box_regression_loss']


def box_regression_loss(
    student: Tensor,
    teacher: Tensor,
    box_target: Tensor,
    *,
    beta: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Smooth L1 of the box deltas, for the rows where the teacher is no worse.

    .. math::
        L = \frac{1}{P} \sum_i
            \left[ \|t_i - g_i\|_1 \le \|s_i - g_i\|_1 \right]
            \sum_k h(s_{ik} - t_{ik}), \qquad
        h(d) = \begin{cases}
            d^2 / (2 \beta) & |d| < \beta \\
            |d| - \beta / 2 & \text{else}
        \end{cases}

    A regression teacher can be worse than the student, so the student follows it only
    where it is not. The idea is the teacher-bounded loss of "Learning Efficient Object
    Detection Models with Knowledge Distillation" (NIPS 2017). This form is ours: there,
    the student moves towards the ground truth until it is better than the teacher by a
    margin; here, it moves towards the teacher.

    Args:
        student: Box deltas (P, 4), any real values; gets the gradient.
        teacher: Box deltas (P, 4) in the same units; detached here.
        box_target: The deltas (P, 4) of the ground truth; detached here.
        beta: Difference at which the loss changes from quadratic to linear; a finite
            number > 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The sum over the four deltas, the mean over all P rows, >= 0, of shape (). An
        empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (P, 4).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import box_regression_loss
        >>> student, truth = torch.tensor([[2.0, 0, 0, 0]] * 2), torch.zeros(2, 4)
        >>> teacher = torch.tensor([[0.5, 0, 0, 0], [-3.0, 0, 0, 0]])
        >>> box_regression_loss(student, teacher, truth)  # 1.5 - 1 / 2, and nothing
        tensor(0.5000)
    """
    shapes = [tuple(deltas.shape) for deltas in (student, teacher, box_target)]
    if shapes != [(len(student), 4)] * 3:
        raise ValueError(
            'box deltas of student, teacher and truth must have one shape (P, 4), '
            f"got {shapes[0]}, {shapes[1]} and {shapes[2]}; compare on='roi_boxes'"
        )
    with full_precision(student, teacher) as (student_P4, teacher_P4):
        target_P4 = box_target.detach().to(student_P4.dtype)
        errors_P = [
            (deltas - target_P4).abs().sum(1)
            for deltas in (student_P4.detach(), teacher_P4)
        ]
        distances_P = F.smooth_l1_loss(
            student_P4, teacher_P4, reduction='none', beta=beta
        ).sum(1)
        return reduced(distances_P * (errors_P[1] <= errors_P[0]), reduction)
