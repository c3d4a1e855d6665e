"""Which query of the teacher is compared with which of the student.

The queries of two models have no common order, so each image's are matched.

Shape suffixes: N images, S and T queries of student and teacher, K matched pairs of an
image, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['match', 'match_costs']


def match_costs(
    student: tuple[Tensor, Tensor],
    teacher: tuple[Tensor, Tensor],
    *,
    class_cost: float,
    box_cost: float,
    softmax: bool,
) -> Tensor:
    """How unlike each two queries of an image are.

    The sum of absolute differences of the probabilities of all classes, times
    `class_cost`, plus that of the box coordinates, times `box_cost`.

    Args:
        student: Class logits (N, S, C) and boxes (N, S, 4), relative to the image.
        teacher: The same (N, T, C) and (N, T, 4).
        class_cost: >= 0.
        box_cost: >= 0.
        softmax: Whether the classes exclude each other.

    Returns:
        (N, S, T).
    """
    own, other = (
        logits.float().softmax(2) if softmax else logits.float().sigmoid()
        for logits, _ in (student, teacher)
    )
    classes = torch.cdist(own, other, p=1)
    boxes = torch.cdist(student[1].float(), teacher[1].float(), p=1)
    return class_cost * classes + box_cost * boxes


def match(costs_NST: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of queries that cost least in sum, each query at most once.

    The Hungarian algorithm runs on the host, for which the device is waited for once.

    Returns:
        Indices (N * K,) into the student's N * S and the teacher's N * T queries, K the
        smaller of S and T.
    """
    from scipy.optimize import linear_sum_assignment  # MMDetection needs it as well

    _, num_student, num_teacher = costs_NST.shape
    pairs = [
        (rows + image * num_student, columns + image * num_teacher)
        for image, costs in enumerate(costs_NST.cpu().numpy())
        for rows, columns in [linear_sum_assignment(costs)]
    ]
    own, other = (
        torch.cat([torch.from_numpy(pair[side]) for pair in pairs]) for side in (0, 1)
    )
    return own.to(costs_NST.device), other.to(costs_NST.device)
