"""CKD: sample-wise contrastive distillation of logits."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from ckd_mm.distributed import gather_rows
from ckd_mm.functional._contrast import Contrast, Labels, contrast
from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._labels import class_indices
from ckd_mm.functional._negatives import (
    LeftOut,
    check_image_index,
    check_one_rank,
    single_rows,
)
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional._vectors import unit_vectors

__all__ = [
    'ANCHORS',
    'CENTERS',
    'POSITIVES',
    'Anchor',
    'Center',
    'Positives',
    'ckd_loss',
]

Anchor = Literal['teacher', 'student', 'both']
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
Positives = Literal['self', 'class']
POSITIVES: tuple[Positives, ...] = get_args(Positives)
Center = Literal['batch', 'classes']
CENTERS: tuple[Center, ...] = get_args(Center)


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
    positive_in_denominator: bool = True,
    positives: Positives = 'self',
    background_class: int | None = None,
    center: Center | None = None,
    reduction: Reduction = 'mean',
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
    another class in the same image. The match i stays a candidate.

    Three more options are ours, from other contrastive losses. With P_i the positives
    and N_i the candidates of the denominator,

    .. math::
        L = -\frac{1}{B} \sum_i \frac{1}{|P_i|} \sum_{j \in P_i} \log
            \frac{\exp(S_{ij} / T)}{\sum_{k \in N_i} \exp(S_{ik} / T)}.

    `positives='class'` takes all rows of the class of row i as P_i (supervised
    contrastive learning, arXiv:2004.11362). `positive_in_denominator=False` takes P_i
    out of N_i (decoupled contrastive learning, arXiv:2110.06848); the value may then be
    below 0. `center` moves the logits before the cosine.

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
            With `positives='class'` it says the positives instead.
        image_index: The image of each row (B,). Only rows of the same image are then
            negatives of each other. None: the image does not matter.
        positive_in_denominator: Whether the positives of an anchor are also among the
            candidates of its denominator.
        positives: 'self': the match alone. 'class': all rows of the class of the
            anchor, which `target` says. With `gather_distributed` those of all ranks.
        background_class: The label of rows without an object, which are not of one
            class: such a row has its match as the only positive, and is a negative of
            all others. Read with `positives='class'`. None: there are none.
        center: What is subtracted from each model's logits: 'batch' the mean row of the
            batch, of all ranks with `gather_distributed`; 'classes' the mean of each
            row, which makes the cosine Pearson's correlation. None: nothing.
        reduction: `'mean'`, or `'none'` for the loss of each anchor, (B,), whose mean
            is the loss of this rank; with `gather_distributed`, its mean over ranks is
            the loss. Of both anchors, the mean of the two of a row.

    Returns:
        The mean over rows, in nats, of shape (). An empty batch gives 0 with a graph; a
        row without negatives, such as the only one of a batch, gives 0 with gradient 0
        and counts in the mean.

    Raises:
        ValueError: The tensors are not of one shape (B, C), `target` or `image_index`
            does not fit them, `image_index` comes with `gather_distributed` or with
            `positives='class'`, or the latter without `target`.

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
    _check_positives(positives, target, image_index)
    labels = _labels(student, target, background_class, positives, gather_distributed)
    by_class = labels if positives == 'class' else None
    options = Contrast(
        temperature,
        gather_distributed,
        block_size,
        positive_in_denominator,
        by_class,
        _left_out(
            len(student),
            None if by_class and positive_in_denominator else labels,
            image_index,
            gather_distributed,
        ),
    )
    with full_precision(student, teacher) as pair:
        student_BC, teacher_BC = (
            unit_vectors(_centered(rows, center, gather_distributed)) for rows in pair
        )
        by_anchor = {
            'teacher': [(teacher_BC, student_BC)],
            'student': [(student_BC, teacher_BC)],
            'both': [(teacher_BC, student_BC), (student_BC, teacher_BC)],
        }
        losses = [contrast(*both, options, reduction) for both in by_anchor[anchor]]
        return torch.stack(losses).mean(dim=0)


def _check_positives(
    positives: str, target: Tensor | None, image_index: Tensor | None
) -> None:
    """Check that positives of one class have labels, and come from all images.

    Raises:
        ValueError: They do not.
    """
    if positives == 'class' and target is None:
        raise ValueError(
            "positives='class' needs target, the class of each row, got None; pass it, "
            "or take positives='self'"
        )
    if positives == 'class' and image_index is not None:
        raise ValueError(
            "positives='class' and negatives of one image exclude each other, because "
            'rows of one class are in several images; leave out one of the two'
        )


def _labels(
    student: Tensor,
    target: Tensor | None,
    background: int | None,
    positives: Positives,
    gather: bool,
) -> Labels | None:
    """The classes of this rank's rows (B,) and of all (G,)."""
    if target is None:
        return None
    target_B = class_indices(target, student)
    target_G, first = gather_rows(target_B) if gather else (target_B, 0)
    if positives == 'self':
        background = None  # one class among others
    all_rows = single_rows(target_G, background, 0)
    return single_rows(target_B, background, first), all_rows


def _left_out(
    num_rows: int, classes: Labels | None, image_index: Tensor | None, gather: bool
) -> LeftOut | None:
    images = None
    if image_index is not None:
        check_one_rank(gather)
        check_image_index(image_index, num_rows)
        images = image_index, image_index
    return LeftOut(classes, images) if classes or images else None


def _centered(rows_BC: Tensor, center: Center | None, gather: bool) -> Tensor:
    if center is None:
        return rows_BC
    if center == 'classes':
        return rows_BC - rows_BC.mean(dim=1, keepdim=True)
    all_rows_GC = gather_rows(rows_BC)[0] if gather else rows_BC
    return rows_BC - all_rows_GC.sum(dim=0) / max(len(all_rows_GC), 1)
