"""IPWD: rows by a second head that learns from labels alone."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import boolean, positive_integer
from ckd_mm.functional import ipwd_weight
from ckd_mm.functional._inputs import check_weighed, full_precision
from ckd_mm.functional._labels import label_weights, soft_cross_entropy
from ckd_mm.functional._rows import reduced
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import WEIGHERS

__all__ = ['IPWDWeight']


@WEIGHERS.register_module()
class IPWDWeight(nn.Module):
    """More for rows on which the distilled head is better than a second one.

    See :func:`ckd_mm.functional.ipwd_weight`. The second head is a linear layer on the
    student's embedding, through which nothing goes back to the student. The
    cross-entropy with the labels trains it. It is trained and saved as the layers of
    losses are, and is no part of the student.

    Args:
        in_channels: Width of the student's embedding; read from the student if left
            out.
        num_classes: Number of columns of the logits that are compared; read from the
            student if left out.
        normalize: Whether all weights are divided by their mean, as the paper does.

    Raises:
        ValueError: An argument is out of its range.
    """

    takes: ClassVar[Takes] = 'distribution'

    def __init__(
        self, in_channels: int, num_classes: int, normalize: bool = True
    ) -> None:
        super().__init__()
        self.normalize = boolean('normalize', normalize)
        self.head = nn.Linear(
            positive_integer('in_channels', in_channels),
            positive_integer('num_classes', num_classes),
        )

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        student_embedding: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The weights (B,), and the cross-entropy that trains the second head."""
        check_weighed(student, teacher)
        share_BC = label_weights(target, len(student), student.shape[1])
        with full_precision(student_embedding, student_embedding) as (_, embedding_BD):
            logits_BC = self.head(embedding_BD)
            own_loss = reduced(soft_cross_entropy(logits_BC, share_BC), 'mean')
            return ipwd_weight(student, logits_BC, target), own_loss
