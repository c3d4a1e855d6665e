"""CKD: sample-wise contrastive distillation of logits."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.distributed import gather_rows, mean_over_all_rows
from ckd_mm.functional._blocks import MOST_SCORES, block_cross_entropy
from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['ANCHORS', 'Anchor', 'ckd_loss']

Anchor = Literal['teacher', 'student', 'both']
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
_BLOCK_SIZE = 2048  # a block of 16 MiB in float32


def ckd_loss(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    anchor: Anchor = 'teacher',
    gather_distributed: bool = False,
    block_size: int | None = None,
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
        gather_distributed: Take candidates from all ranks, not only from this one. The
            value is then the mean over all ranks' rows, the same on every rank, and the
            gradient the one that a single process with all rows would have, once
            DistributedDataParallel has averaged it. The authors' code keeps to one
            rank.
        block_size: How many anchors and how many candidates are compared at a time. The
            matrix of all cosines is then never held: the backward pass computes each
            block again, so memory grows with the rows, not with their square. Value and
            gradient are the same up to rounding; there is no second derivative. If it
            is not less than the candidates, all are compared at once. None: all at once
            up to 2^24 cosines (4096 x 4096), beyond that blocks of 2048.

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
    with full_precision(student, teacher) as pair:
        student_BC, teacher_BC = map(unit_vectors, pair)
        by_anchor = {
            'teacher': [(teacher_BC, student_BC)],
            'student': [(student_BC, teacher_BC)],
            'both': [(teacher_BC, student_BC), (student_BC, teacher_BC)],
        }
        losses = [
            _cross_entropy(
                anchors, candidates, temperature, gather_distributed, block_size
            )
            for anchors, candidates in by_anchor[anchor]
        ]
        return torch.stack(losses).mean()


def _cross_entropy(
    anchors_BC: Tensor,
    candidates_BC: Tensor,
    temperature: float,
    gather: bool,
    block_size: int | None,
) -> Tensor:
    """The mean of -log p(candidate i | anchor i) over all anchors; rows are unit."""
    candidates_GC, first = gather_rows(candidates_BC) if gather else (candidates_BC, 0)
    num_rows, num_candidates = len(anchors_BC), len(candidates_GC)
    if block_size is None:
        is_large = num_rows * num_candidates > MOST_SCORES
        block_size = _BLOCK_SIZE if is_large else num_candidates
    if num_candidates > block_size:
        losses_B = block_cross_entropy(
            anchors_BC,
            candidates_GC,
            temperature=temperature,
            first=first,
            block_size=block_size,
        )
    else:
        scores_BG = anchors_BC @ candidates_GC.T / temperature
        match_B = torch.arange(first, first + num_rows, device=scores_BG.device)
        losses_B = F.cross_entropy(scores_BG, match_B, reduction='none')
    if gather:
        return mean_over_all_rows(losses_B.sum(), num_candidates)
    return losses_B.sum() / max(num_rows, 1)
