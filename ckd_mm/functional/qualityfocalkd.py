"""Quality focal KD: each class of each place as a question, where the models differ."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.distributed import sum_over_ranks, world_size
from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction

__all__ = ['qualityfocalkd_loss']


def qualityfocalkd_loss(
    student: Tensor,
    teacher: Tensor,
    assigned: Tensor,
    *,
    beta: float = 1.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Binary cross-entropy with the teacher's probabilities, weighed by the gap.

    .. math::
        L = \frac{1}{\max(n, 1)} \sum_{i, c}
            |\sigma(s_{ic}) - \sigma(t_{ic})|^\beta
            \, \mathrm{BCE}(\sigma(s_{ic}), \sigma(t_{ic}))

    The form of the quality focal loss (arXiv:2006.04388) with the teacher's probability
    as the quality, as CrossKD (arXiv:2306.11369) has it. Written from its description;
    its code was not read. n is the number of rows with an object, as in the student's
    loss of classes, averaged over the ranks.

    Args:
        student: Logits (K, C) of a sigmoid per class; gets the gradient.
        teacher: Logits (K, C) of the same; detached here.
        assigned: Whether each row has an object, (K,), bool.
        beta: Power of the gap of the probabilities; a finite number >= 1.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The sum over rows and classes divided by n, >= 0, of shape (). No rows give 0
        with a graph.

    Raises:
        ValueError: The tensors are not of one shape (K, C), or of other rows.

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import qualityfocalkd_loss
        >>> student, teacher = torch.zeros(1, 1), torch.tensor([[8.0]])
        >>> qualityfocalkd_loss(student, teacher, torch.tensor([True]))
        tensor(0.3463)
    """
    check_logits(student, teacher)
    if assigned.shape != student.shape[:1]:
        raise ValueError(
            f'assigned must be (K,), an entry for each of {len(student)} rows, got '
            f"{tuple(assigned.shape)}; compare on='dense_logits'"
        )
    number = (sum_over_ranks(assigned.sum()) / world_size()).clamp(min=1)
    with full_precision(student, teacher) as (student_KC, teacher_KC):
        wanted_KC = teacher_KC.sigmoid()
        gap_KC = (student_KC.sigmoid() - wanted_KC).abs()
        entropy_KC = F.binary_cross_entropy_with_logits(
            student_KC, wanted_KC, reduction='none'
        )
        each_KC = gap_KC**beta * entropy_KC
        if reduction == 'none':
            return each_KC.sum(1) * (len(each_KC) / number)
        return each_KC.sum() / number
