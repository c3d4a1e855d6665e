"""FGFI as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ckd_mm.checks import fraction, non_negative
from ckd_mm.functional import fgfi_loss, fgfi_masks
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._connectors import Channels, pairs, widths
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FGFILoss']


@LOSSES.register_module()
class FGFILoss(nn.Module):
    """Imitation near objects, for detectors with anchors.

    See :func:`ckd_mm.functional.fgfi_loss` for the loss and
    :func:`ckd_mm.functional.fgfi_masks` for the positions that count. For each level, a
    3 x 3 convolution, trained along with the student, adapts the student's maps. In the
    authors' code a ReLU follows it, because their teacher's maps come from a ReLU; the
    maps of an FPN have both signs. The authors leave out the loss in the first 400
    steps (`schedule=dict(begin=400, by_epoch=False)` of the term).

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        threshold: An anchor counts if its IoU with an object is above this share of the
            best anchor's IoU; from 0 to below 1.
        loss_weight: Multiplies the loss. The authors use 0.01. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import FGFILoss
        >>> loss = FGFILoss(student_channels=8, teacher_channels=32)
        >>> student, teacher = torch.randn(1, 8, 1, 2), torch.randn(1, 32, 1, 2)
        >>> boxes = [torch.tensor([[1.0, 0.0, 11.0, 8.0]])]
        >>> anchors = (torch.tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0]]),)
        >>> loss(student, teacher, boxes, anchors).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        threshold: float = 0.5,
        loss_weight: float = 0.01,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.adaptations = nn.ModuleList(
            nn.Conv2d(student_width, teacher_width, kernel_size=3, padding=1)
            for student_width, teacher_width in self.widths
        )
        self.threshold = fraction('threshold', threshold)
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        boxes: Sequence[Tensor],
        anchors: Sequence[Tensor],
    ) -> Tensor:
        """The weighted loss, of shape ()."""
        students, teachers = [], []
        found = pairs(student, teacher, self.widths)
        for adaptation, pair in zip(self.adaptations, found, strict=True):
            with upcast([pair]) as (student_NCHW,):
                students.append(adaptation(student_NCHW))
            teachers.append(pair[1])
        masks = fgfi_masks(students, boxes, anchors, threshold=self.threshold)
        return self.loss_weight * fgfi_loss(students, teachers, masks)
