"""Box IoU: the teacher's boxes, where it is sure of an object."""

from __future__ import annotations

import torch
from torch import Tensor

from ckd_mm.functional._inputs import full_precision
from ckd_mm.functional._rows import Reduction, weighted_mean

__all__ = ['boxioukd_loss']

EPSILON = 1e-7


def boxioukd_loss(
    student: Tensor,
    teacher: Tensor,
    scores: Tensor,
    *,
    mode: str = 'giou',
    l1_weight: float = 0.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""One minus the overlap of the boxes of both models, weighed by the teacher.

    .. math::
        L = \frac{\sum_i w_i \, (1 - \mathrm{IoU}(s_i, t_i)
            + \frac{\lambda}{4} \|c(s_i) - c(t_i)\|_1)}{\sum_i w_i}

    with the IoU or the generalised one (arXiv:1902.09630), the teacher's probability of
    an object as the weight, and c the center and the size of a box. CrossKD
    (arXiv:2306.11369) has it for boxes, without the second term. Written from its
    description; its code was not read. KD-DETR (arXiv:2211.08071) has both terms.

    Args:
        student: Boxes (K, 4), x1, y1, x2, y2, in any units; gets the gradient. An edge
            beyond the opposite one counts as lying on it.
        teacher: Boxes (K, 4) in the same units; detached here.
        scores: How much each row counts, (K,), >= 0.
        mode: `'giou'` or `'iou'`.
        l1_weight: The factor lambda of the mean of the absolute differences of center,
            width and height; >= 0.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean with these weights, >= 0, of shape (). No rows, or weights of 0 alone,
        give 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (K, 4), or of other rows.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import boxioukd_loss
        >>> student = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1]])
        >>> teacher = torch.tensor([[0.0, 0, 2, 1], [0, 0, 1, 1]])
        >>> boxioukd_loss(student, teacher, torch.tensor([0.5, 0.5]))
        tensor(0.2500)
    """
    shapes = [tuple(boxes.shape) for boxes in (student, teacher)]
    if shapes != [(len(student), 4)] * 2 or scores.shape != student.shape[:1]:
        raise ValueError(
            'boxes of student and teacher must have one shape (K, 4), and scores (K,), '
            f'got {shapes[0]}, {shapes[1]} and {tuple(scores.shape)}; compare '
            "on='cross_boxes' or on='shared_query_boxes'"
        )
    with full_precision(student, teacher) as (student_K4, teacher_K4):
        overlap_K = _overlap(_upright(student_K4), _upright(teacher_K4), mode)
        losses_K = 1 - overlap_K
        if l1_weight:
            gaps_K4 = (_centered(student_K4) - _centered(teacher_K4)).abs()
            losses_K = losses_K + l1_weight * gaps_K4.mean(1)
        return weighted_mean(losses_K, scores, reduction)


def _centered(boxes_K4: Tensor) -> Tensor:
    """Center, width and height."""
    first, second = boxes_K4.split(2, dim=1)
    return torch.cat([(first + second) / 2, second - first], 1)


def _upright(boxes_K4: Tensor) -> Tensor:
    """Boxes whose second corner is not before the first."""
    first, second = boxes_K4.split(2, dim=1)
    return torch.cat([first, torch.maximum(first, second)], 1)


def _overlap(student_K4: Tensor, teacher_K4: Tensor, mode: str) -> Tensor:
    """The IoU of each pair (K,), or the generalised one.

    Not torchvision's, which waits for the device to find the pairs that overlap.
    """
    both = (student_K4, teacher_K4)
    starts, ends = zip(*(boxes.split(2, dim=1) for boxes in both), strict=True)
    inner_K2 = (torch.minimum(*ends) - torch.maximum(*starts)).clamp(min=0)
    areas = [(end - start).prod(1) for start, end in zip(starts, ends, strict=True)]
    shared_K = inner_K2.prod(1)
    union_K = areas[0] + areas[1] - shared_K
    overlap_K = shared_K / (union_K + EPSILON)
    if mode == 'iou':
        return overlap_K
    hull_K = (torch.maximum(*ends) - torch.minimum(*starts)).prod(1)
    return overlap_K - (hull_K - union_K) / (hull_K + EPSILON)
