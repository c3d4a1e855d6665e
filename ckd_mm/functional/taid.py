"""TAID: a target between the student's distribution and the teacher's."""

from __future__ import annotations

from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['taid_loss']


def taid_loss(
    student: Tensor,
    teacher: Tensor,
    share: float | Tensor,
    *,
    reduction: Reduction = 'mean',
) -> Tensor:
    r"""Cross-entropy with the softmax of an average of both models' logits.

    .. math::
        L = -\frac{1}{B} \sum_{ic} q_{ic} \log p_{ic}, \qquad
        q_i = \mathrm{softmax}((1 - \tau) s_i + \tau t_i), \quad
        p_i = \mathrm{softmax}(s_i)

    "TAID: Temporally Adaptive Interpolated Distillation for Efficient Knowledge
    Transfer in Language Models", arXiv:2501.16937. It equals the loss of the authors'
    code (SakanaAI/TAID, Apache-2.0, read in the fork gn64/TAID) for rows that all
    count. The target q is a constant of the step: the student's part of it gets no
    gradient. The schedule of the share is in :class:`ckd_mm.losses.TAIDLoss`.

    Args:
        student: Logits (B, C), any real values; gets the gradient.
        teacher: Logits (B, C), any real values; detached here.
        share: The teacher's share tau of the target, from 0, the student itself, to 1,
            the teacher.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows, in nats, >= 0: the entropy of the target and its divergence
        from the student. Of shape (). An empty batch gives 0 with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, C).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import taid_loss
        >>> taid_loss(torch.zeros(1, 2), torch.tensor([[100.0, 0.0]]), share=1.0)
        tensor(0.6931)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BC, teacher_BC):
        between_BC = (1 - share) * student_BC.detach() + share * teacher_BC
        rows_B = -(between_BC.softmax(dim=1) * student_BC.log_softmax(dim=1)).sum(dim=1)
        return reduced(rows_B, reduction)
