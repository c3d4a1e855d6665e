"""MCL as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import (
    boolean,
    check_any_positive,
    non_negative,
    positive,
    positive_integer,
)
from ckd_mm.functional import mcl_loss
from ckd_mm.functional._inputs import check_embeddings
from ckd_mm.functional._rows import Reduction
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['MCLLoss']


@LOSSES.register_module()
class MCLLoss(nn.Module):
    """Mutual contrastive learning, see :func:`ckd_mm.functional.mcl_loss`.

    For each network two linear layers with a ReLU between project its embeddings to one
    width. They are trained along and stay out of the student's checkpoint. With a
    frozen teacher the loss trains the student and both projections. Where the teacher
    learns as well, both networks get the gradient, each of its own parts and of the
    rows in which the other compares itself with it.

    Args:
        student_channels: Width of the student's embeddings.
        teacher_channels: Width of the teacher's embeddings.
        embedding_channels: Width of the projected embeddings. The authors' is 128.
        hidden_channels: Width between the two layers; None is that of the projected
            embeddings.
        temperature: Divides the cosines. The authors' is 0.1.
        soft_temperature: Divides them again in the soft parts. The authors' is 3.
        vcl_weight: Weight of the contrast within each network (the authors' alpha).
        icl_weight: Weight of the contrast between the networks (beta).
        soft_vcl_weight: Weight of the divergence of each network's similarities from
            the other's (gamma).
        soft_icl_weight: The same for similarities between the networks (lambda).
        same_image_positive: Whether an image's embedding by the other network is among
            its positives. If not, only other images of its class are, as in the
            authors' code.
        diagonal_in_soft: Whether the soft parts also compare an image with itself, as
            in the authors' code.
        loss_weight: Multiplies the loss, which has the authors' weights in it; 0 only
            monitors.

    Raises:
        ValueError: An argument is out of its range, or all four weights are 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import MCLLoss
        >>> loss = MCLLoss(student_channels=2, teacher_channels=3)
        >>> student, teacher = torch.randn(4, 2), torch.randn(4, 3)
        >>> loss(student, teacher, torch.tensor([0, 1, 0, 1])).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows'
    trains_teacher: ClassVar[bool] = True
    """Whether it may train both models, `learner='both'`."""

    def __init__(
        self,
        student_channels: int,
        teacher_channels: int,
        embedding_channels: int = 128,
        hidden_channels: int | None = None,
        temperature: float = 0.1,
        soft_temperature: float = 3.0,
        vcl_weight: float = 0.1,
        icl_weight: float = 0.1,
        soft_vcl_weight: float = 1.0,
        soft_icl_weight: float = 1.0,
        same_image_positive: bool = False,
        diagonal_in_soft: bool = False,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        width = positive_integer('embedding_channels', embedding_channels)
        hidden = (
            width
            if hidden_channels is None
            else positive_integer('hidden_channels', hidden_channels)
        )
        self.student_channels = positive_integer('student_channels', student_channels)
        self.teacher_channels = positive_integer('teacher_channels', teacher_channels)
        self.project_student = _projection(self.student_channels, hidden, width)
        self.project_teacher = _projection(self.teacher_channels, hidden, width)
        weights = {
            'vcl_weight': non_negative('vcl_weight', vcl_weight),
            'icl_weight': non_negative('icl_weight', icl_weight),
            'soft_vcl_weight': non_negative('soft_vcl_weight', soft_vcl_weight),
            'soft_icl_weight': non_negative('soft_icl_weight', soft_icl_weight),
        }
        check_any_positive(**weights)
        self.options: dict[str, Any] = {
            'temperature': positive('temperature', temperature),
            'soft_temperature': positive('soft_temperature', soft_temperature),
            'same_image_positive': boolean('same_image_positive', same_image_positive),
            'diagonal_in_soft': boolean('diagonal_in_soft', diagonal_in_soft),
            **weights,
        }
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: Embeddings (B, D); gets the gradient, as do both projections.
            teacher: Embeddings (B, D'); gets the gradient where it carries one.
            target: Class indices (B,).

        Raises:
            ValueError: The embeddings do not fit, or the labels are soft: a mixture of
                two images is of no class.
        """
        check_embeddings(student, teacher)
        check_channels('student', self.student_channels, student)
        check_channels('teacher', self.teacher_channels, teacher)
        with upcast([(student, teacher), (teacher, student)]) as (first, second):
            value = mcl_loss(
                self.project_student(first),
                self.project_teacher(second),
                target,
                reduction=reduction,
                **self.options,
            )
        return self.loss_weight * value


def _projection(channels: int, hidden: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, width)
    )
