"""MaKD: answers to yes-or-no questions about an image, each a probability."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ckd_mm.functional._inputs import check_logits, full_precision
from ckd_mm.functional._rows import Reduction, reduced

__all__ = ['makd_loss']


def makd_loss(
    student: Tensor, teacher: Tensor, *, reduction: Reduction = 'mean'
) -> Tensor:
    r"""Binary cross-entropy of the student's answers with those of a language model.

    .. math::
        L = -\frac{1}{B Q} \sum_i \sum_q \left[ a_{iq} \log \sigma(s_{iq})
            + (1 - a_{iq}) \log (1 - \sigma(s_{iq})) \right]

    "Multi-aspect Knowledge Distillation with Large Language Model", arXiv:2501.13341;
    as `makd_loss` of the authors' code (MIT, on mdistiller).

    Args:
        student: Logits (B, Q) of Q questions, any real values; gets the gradient.
        teacher: a, the probabilities of "yes" (B, Q), from 0 to 1; detached here.
        reduction: `'mean'`, or `'none'` for the values of the rows, whose mean is the
            loss.

    Returns:
        The mean over rows and questions, in nats, >= 0, of shape (). No rows give 0
        with a graph.

    Raises:
        ValueError: The tensors are not of one shape (B, Q).

    Examples:
        >>> import torch
        >>> from ckd_mm.functional import makd_loss
        >>> makd_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.3]]))  # log(2)
        tensor(0.6931)
    """
    check_logits(student, teacher)
    with full_precision(student, teacher) as (student_BQ, teacher_BQ):
        each_BQ = F.binary_cross_entropy_with_logits(
            student_BQ, teacher_BQ, reduction='none'
        )
        return reduced(each_BQ.mean(dim=1), reduction)
