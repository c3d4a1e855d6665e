"""CKD: sample-wise contrastive distillation of logits."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._similarity import cosine_matrix

__all__ = ['ANCHORS', 'Anchor', 'ckd_loss']

Anchor = Literal['teacher', 'student', 'both']
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)


def ckd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    anchor: Anchor = 'teacher',
) -> Tensor:
    r"""Contrastive loss between the teacher's and the student's logits of a batch.

    .. math::
        S_{ij} = \cos(t_i, s_j), \qquad
        L = -\frac{1}{B} \sum_i \log
            \frac{\exp(S_{ii} / T)}{\sum_j \exp(S_{ij} / T)}

    "CKD: Contrastive Knowledge Distillation from A Sample-Wise Perspective",
    arXiv:2404.14109. With `anchor='teacher'` it is the authors' code: each teacher row
    is contrasted against all student rows, on raw logits. The other anchors are ours.
    A zero row has cosine 0 with everything and gets no gradient.

    The cosines lie in [-1, 1], so at temperature 1 the loss cannot approach 0: with B
    rows it stays between log(1 + (B - 1) exp(-2)) and log(1 + (B - 1) exp(2)).

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides the cosines; a finite number > 0.
        anchor: Whose rows look for their match among the rows of the other:
            'teacher', 'student', or 'both' for the mean of the two, as CLIP does.

    Returns:
        The mean over rows, in nats, of shape (). No rows give 0 with a graph; one row
        gives 0 with gradient 0, as it has no negatives.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ckd_loss
        >>> ckd_loss(torch.eye(4), torch.eye(4))  # log(e + 3) - 1
        tensor(0.7437)
        >>> ckd_loss(torch.eye(4), torch.eye(4), temperature=0.1)
        tensor(0.0001)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        if len(student_BC) == 0:
            return student_BC.sum() * 0.0
        scores_BB = cosine_matrix(teacher_BC, student_BC) / temperature
        match_B = torch.arange(len(scores_BB), device=scores_BB.device)
        if anchor == 'teacher':
            return F.cross_entropy(scores_BB, match_B)
        if anchor == 'student':
            return F.cross_entropy(scores_BB.T, match_B)
        assert anchor == 'both', anchor
        by_teacher = F.cross_entropy(scores_BB, match_B)
        by_student = F.cross_entropy(scores_BB.T, match_B)
        return (by_teacher + by_student) / 2
