"""Which query of the student is compared with which of the teacher.

The queries of two models have no common order, so each image's are matched.

Shape suffixes: N images, S and T queries of student and teacher, K matched pairs of an
image, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = [
    'QueryOutputs',
    'box_distances',
    'class_distances',
    'confidences',
    'mask_distances',
    'match',
]


class QueryOutputs(NamedTuple):
    """Class logits (N, Q, C), and boxes (N, Q, 4) or mask logits (N, Q, H, W)."""

    logits: Tensor
    boxes_or_masks: Tensor


def class_distances(
    student: QueryOutputs, teacher: QueryOutputs, *, softmax: bool
) -> Tensor:
    """The sum of absolute differences of the probabilities of all classes (N, S, T).

    Args:
        student: The student's queries.
        teacher: The teacher's queries.
        softmax: Whether the classes exclude each other.
    """
    student_probs, teacher_probs = (
        logits.float().softmax(2) if softmax else logits.float().sigmoid()
        for logits, _ in (student, teacher)
    )
    return torch.cdist(student_probs, teacher_probs, p=1)


def box_distances(student: QueryOutputs, teacher: QueryOutputs) -> Tensor:
    """The sum of absolute differences of the coordinates, relative to the image."""
    return torch.cdist(
        student.boxes_or_masks.float(), teacher.boxes_or_masks.float(), p=1
    )


def mask_distances(student: QueryOutputs, teacher: QueryOutputs) -> Tensor:
    """One minus the dice coefficient of the probabilities of all pixels (N, S, T).

    Raises:
        ValueError: The masks are not of one size.
    """
    sizes = [tuple(queries.boxes_or_masks.shape[2:]) for queries in (student, teacher)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the masks must be of one size, but the student's are {sizes[0]} and the "
            f"teacher's {sizes[1]}; give both data preprocessors the same "
            'pad_size_divisor'
        )
    student_masks, teacher_masks = (
        queries.boxes_or_masks.float().flatten(2).sigmoid()
        for queries in (student, teacher)
    )
    both = torch.einsum('nsp,ntp->nst', student_masks, teacher_masks)
    total = student_masks.sum(2)[:, :, None] + teacher_masks.sum(2)[:, None]
    return 1 - (2 * both + 1) / (total + 1)


def confidences(queries: QueryOutputs, *, softmax: bool) -> Tensor:
    """How sure each query (N, Q) is of an object. A head ranks its objects by this.

    The probability of its best class, times the mean probability of the pixels in its
    mask, if it has one.
    """
    logits = queries.logits.float()
    scores = logits.softmax(2)[..., :-1] if softmax else logits.sigmoid()
    best = scores.amax(2)
    if queries.boxes_or_masks.ndim == 3:
        return best
    masks = queries.boxes_or_masks.float().flatten(2)
    is_inside = masks > 0
    total = (masks.sigmoid() * is_inside).sum(2)
    return best * total / is_inside.sum(2).clamp(min=1)


def match(costs_NST: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of queries with the least sum of costs, each query at most once.

    The Hungarian algorithm runs on the host, so it waits for the device once.

    Returns:
        Indices (N * K,) into the student's N * S and the teacher's N * T queries, K the
        smaller of S and T.
    """
    from scipy.optimize import linear_sum_assignment  # MMDetection needs it as well

    _, num_student, num_teacher = costs_NST.shape
    first_N2 = np.arange(len(costs_NST))[:, None] * (num_student, num_teacher)
    pairs = [
        np.stack(linear_sum_assignment(costs)) + first_2[:, None]
        for costs, first_2 in zip(costs_NST.cpu().numpy(), first_N2, strict=True)
    ]
    indices = torch.from_numpy(np.concatenate(pairs, axis=1))
    student, teacher = indices.to(costs_NST.device, non_blocking=True)
    return student, teacher
