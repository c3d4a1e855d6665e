"""CKD: sample-wise contrastive distillation of logits."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ckd_mm.distributed import gather_rows, mean_over_all_rows
from ckd_mm.functional._blocks import MOST_SCORES, block_cross_entropy
from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import class_indices
from ckd_mm.functional._negatives import LeftOut, check_image_index, check_one_rank
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
    target: Tensor | None = None,
    image_index: Tensor | None = None,
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

    In the authors' code all other rows are negatives. Here `target` and `image_index`
    leave some of them out of the sum over j; with both, the negatives are the rows of
    another class in the same image. The match i is always a candidate.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        temperature: Divides the cosines; a finite number > 0.
        anchor: The model whose rows are the anchors; each anchor is compared with all
            rows of the other model. 'teacher', 'student', or 'both' for the mean of the
            two, as in CLIP.
        gather_distributed: Take candidates from all ranks, not only from this one. The
            value is then the mean over all ranks' rows, the same on every rank. The
            gradient, averaged by DistributedDataParallel, is that of a single process
            with all rows. The authors' code uses the rows of one rank.
        block_size: Number of anchors and of candidates that are compared at a time. The
            matrix of all cosines is then never held: the backward pass computes each
            block again, so memory grows with the number of rows, not with its square.
            Value and gradient are the same up to rounding; there is no second
            derivative. With no more candidates than this, all are compared at once.
            None: all at once up to 2^24 cosines (4096 x 4096), beyond that blocks of
            2048.
        target: Class indices (B,), integers. Rows of the same class are then not
            negatives of each other; background counts as a class. Soft labels (B, C)
            count by their largest class. With `gather_distributed` they are gathered as
            well, in two more collectives. None: the class does not matter.
        image_index: The image of each row (B,). Only rows of the same image are then
            negatives of each other. None: the image does not matter.

    Returns:
        The mean over rows, in nats, of shape (). An empty batch gives 0 with a graph; a
        row without negatives, such as the only one of a batch, gives 0 with gradient 0
        and counts in the mean.

    Raises:
        ValueError: The tensors are not of one shape (B, C), `target` or `image_index`
            does not fit them, or `image_index` comes with `gather_distributed`.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import ckd_loss
        >>> ckd_loss(torch.eye(4), torch.eye(4))  # log(e + 3) - 1
        tensor(0.7437)
        >>> ckd_loss(torch.eye(4), torch.eye(4), temperature=0.1)
        tensor(0.0001)
        >>> ckd_loss(torch.eye(4), torch.eye(4), target=torch.tensor([0, 0, 0, 1]))
        tensor(0.4209)
    """
    check_logits(student, teacher)
    left_out = _left_out(student, target, image_index, gather_distributed)
    with full_precision(student, teacher) as pair:
        student_BC, teacher_BC = map(unit_vectors, pair)
        by_anchor = {
            'teacher': [(teacher_BC, student_BC)],
            'student': [(student_BC, teacher_BC)],
            'both': [(teacher_BC, student_BC), (student_BC, teacher_BC)],
        }
        losses = [
            _cross_entropy(
                anchors,
                candidates,
                temperature,
                gather_distributed,
                block_size,
                left_out,
            )
            for anchors, candidates in by_anchor[anchor]
        ]
        return torch.stack(losses).mean()


def _left_out(
    student: Tensor, target: Tensor | None, image_index: Tensor | None, gather: bool
) -> LeftOut | None:
    classes = images = None
    if target is not None:
        target_B = class_indices(target, student)
        classes = target_B, gather_rows(target_B)[0] if gather else target_B
    if image_index is not None:
        check_one_rank(gather)
        check_image_index(image_index, len(student))
        images = image_index, image_index
    return LeftOut(classes, images) if classes or images else None


def _cross_entropy(
    anchors_BC: Tensor,
    candidates_BC: Tensor,
    temperature: float,
    gather: bool,
    block_size: int | None,
    left_out: LeftOut | None,
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
            left_out=left_out,
        )
    else:
        scores_BG = anchors_BC @ candidates_GC.T / temperature
        if left_out is not None:
            mask_BG = left_out.mask()
            mask_BG.diagonal(first).fill_(False)
            scores_BG.masked_fill_(mask_BG, -math.inf)
        match_B = torch.arange(first, first + num_rows, device=scores_BG.device)
        losses_B = F.cross_entropy(scores_BG, match_B, reduction='none')
    if gather:
        return mean_over_all_rows(losses_B.sum(), num_candidates)
    return losses_B.sum() / max(num_rows, 1)
