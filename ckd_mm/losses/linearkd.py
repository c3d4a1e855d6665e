"""KD through a linear layer of its own as a registered loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import non_negative, positive, positive_integer
from ckd_mm.functional import kd_loss, top1_agreement
from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._rows import Reduction
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['LinearKDLoss']


@LOSSES.register_module()
class LinearKDLoss(nn.Module):
    r"""KD of a linear layer on the student's embedding, beside the student's own head.

    .. math::
        L = T^2 \frac{1}{B} \sum_i \mathrm{KL}(\mathrm{softmax}(t_i / T) \,\|\,
            \mathrm{softmax}((W f_i + b) / T))

    with the student's embedding f and the teacher's logits t, see
    :func:`ckd_mm.functional.kd_loss`. The layer is trained along with the student and
    stays out of its checkpoint. The labels train the student's head and the teacher
    this layer; both train what is before them. This is the second head of "Simple yet
    Effective Semi-supervised Knowledge Distillation from Vision-Language Models via
    Dual-Head Optimization", arXiv:2505.07675, on the batch with labels. The layer has
    the teacher's classes, which may differ from the student's: it is also the head for
    each source model in "Distilling from Similar Tasks for Transfer Learning on a
    Budget", arXiv:2304.12314.

    The formula is that of DHO's public code, which has no licence: none was taken.
    Their mixture of both heads at inference is in :class:`DHOLoss`.

    Args:
        student_channels: D, the width of the student's embeddings.
        teacher_channels: C, the number of the teacher's classes.
        temperature: Divides the logits of the layer and of the teacher; > 0.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import LinearKDLoss
        >>> loss = LinearKDLoss(student_channels=8, teacher_channels=3)
        >>> loss(torch.randn(2, 8), torch.randn(2, 3)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows'

    def __init__(
        self,
        student_channels: int,
        teacher_channels: int,
        temperature: float = 2.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.linear = nn.Linear(
            positive_integer('student_channels', student_channels),
            positive_integer('teacher_channels', teacher_channels),
        )

    def forward(
        self, student: Tensor, teacher: Tensor, reduction: Reduction = 'mean'
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: Embeddings (B, D); gets the gradient, and so does the layer.
            teacher: Logits (B, C) of the same rows; detached here.

        Raises:
            ValueError: The rows differ in number, or a width is another one.
        """
        logits = self._logits(student, teacher)
        loss = kd_loss(
            logits, teacher, temperature=self.temperature, reduction=reduction
        )
        return self.loss_weight * loss

    @torch.no_grad()
    def statistics(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """How often the layer and the teacher have the same largest class."""
        logits = self._logits(student, teacher)
        return {'top1_agreement': top1_agreement(logits, teacher)}

    def _logits(self, student: Tensor, teacher: Tensor) -> Tensor:
        check_embeddings(student, teacher)
        check_channels('student', self.linear.in_features, student)
        check_channels('teacher', self.linear.out_features, teacher)
        with full_precision(student, teacher) as (student_BD, _):
            return self._apply_layer(student_BD)

    def _apply_layer(self, rows_BD: Tensor) -> Tensor:
        return self.linear(rows_BD)
