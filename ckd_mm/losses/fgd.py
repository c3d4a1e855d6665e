"""FGD as a registered loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ckd_mm.checks import check_any_positive, non_negative, positive
from ckd_mm.functional._fgd import focal_sum
from ckd_mm.functional._squares import squares
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._connectors import Channels, pairs, widths
from ckd_mm.losses._contexts import Context, transformed
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['FGDLoss']


@LOSSES.register_module()
class FGDLoss(nn.Module):
    r"""Focal and global imitation of feature maps, for detectors.

    The focal part is :func:`ckd_mm.functional.fgd_focal_loss`. The global part compares
    the maps behind two context blocks (GcBlock), one for each model. A context block
    adds to every position what it gathers from all positions. Both blocks are trained
    along with the student:

    .. math::
        L_{global} = \frac{\lambda}{N} \lVert R_s(s) - R_t(t) \rVert^2, \qquad
        R(f)_p = f_p + w_2\, \mathrm{ReLU}(\mathrm{LN}(w_1 \textstyle\sum_q
            \mathrm{softmax}_q(w_k f_q) f_q))

    If the widths differ, a 1 x 1 convolution of the student's maps comes first. The
    losses of the levels are summed.

    "Focal and Global Knowledge Distillation for Detectors", arXiv:2111.11837. It equals
    the authors' code except for the scale of the boxes in a padded batch. The bias of
    w_k is left out, because the softmax ignores it.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level.
        teacher_channels: The same for the teacher.
        foreground_weight: The paper's alpha; two-stage detectors: 5e-5.
        background_weight: beta; two-stage: 2.5e-5.
        attention_weight: gamma; two-stage: 5e-5.
        relation_weight: lambda; two-stage: 5e-7. The defaults of all four weights are
            those of one-stage detectors.
        temperature: Temperature of the attention.
        loss_weight: Multiplies the loss. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range, or the weights of all parts are 0.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import FGDLoss
        >>> loss = FGDLoss(student_channels=8, teacher_channels=32)
        >>> student, teacher = torch.randn(1, 8, 6, 6), torch.randn(1, 32, 6, 6)
        >>> boxes = [torch.tensor([[8.0, 8.0, 24.0, 40.0]])]
        >>> loss(student, teacher, boxes, image_size=(48, 48)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        foreground_weight: float = 1e-3,
        background_weight: float = 5e-4,
        attention_weight: float = 1e-3,
        relation_weight: float = 5e-6,
        temperature: float = 0.5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.widths = widths(student_channels, teacher_channels)
        self.focal = {
            'foreground_weight': foreground_weight,
            'background_weight': background_weight,
            'attention_weight': attention_weight,
        }
        for name, weight in self.focal.items():
            non_negative(name, weight)
        self.relation_weight = non_negative('relation_weight', relation_weight)
        check_any_positive(**self.focal, relation_weight=relation_weight)
        self.temperature = positive('temperature', temperature)
        self.connectors = nn.ModuleList(
            _Connector(student_width, teacher_width)
            for student_width, teacher_width in self.widths
        )
        self.loss_weight = non_negative('loss_weight', loss_weight)

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        boxes: Sequence[Tensor],
        image_size: tuple[int, int],
    ) -> Tensor:
        """The weighted loss, of shape ()."""
        found = pairs(student, teacher, self.widths)
        teachers = [of_level.detach() for _, of_level in found]
        with upcast(found) as students:
            gathered = [
                connector(*pair)
                for connector, *pair in zip(
                    self.connectors, students, teachers, strict=True
                )
            ]
            aligned = [of_level.student for of_level in gathered]
            total = focal_sum(
                aligned,
                teachers,
                boxes,
                image_size,
                **self.focal,
                temperature=self.temperature,
            )
            relations = [
                squares(maps, teacher, shift_NC=shift).sum()
                for maps, teacher, shift in zip(
                    aligned, teachers, self._shifts(gathered), strict=True
                )
            ]
            total = total + self.relation_weight * torch.stack(relations).sum()
        return self.loss_weight * total / max(len(teachers[0]), 1)

    def _shifts(self, gathered: Sequence[_Gathered]) -> list[Tensor]:
        """What both contexts together add to the difference of the maps (N, C)."""
        blocks: list[Any] = [
            *(connector.student_context for connector in self.connectors),
            *(connector.teacher_context for connector in self.connectors),
        ]
        added = transformed(
            blocks,
            [
                *(of_level.by_student for of_level in gathered),
                *(of_level.by_teacher for of_level in gathered),
            ],
        )
        half = len(self.connectors)
        return [
            own - other for own, other in zip(added[:half], added[half:], strict=True)
        ]


@dataclass(frozen=True)
class _Gathered:
    """The maps of one level to compare, and what both blocks gather of it (N, C)."""

    student: Tensor
    by_student: Tensor
    by_teacher: Tensor


class _Connector(nn.Module):
    """The trained modules of one level."""

    def __init__(self, student_width: int, teacher_width: int) -> None:
        super().__init__()
        self.align = (
            nn.Identity()
            if student_width == teacher_width
            else nn.Conv2d(student_width, teacher_width, 1)
        )
        self.student_context = Context(teacher_width)
        self.teacher_context = Context(teacher_width)

    def forward(self, student: Tensor, teacher: Tensor) -> _Gathered:
        """The aligned maps, and the weighted means of both models' positions."""
        aligned = self.align(student)
        own = self.student_context.gather(aligned)
        with upcast([(teacher, student)]) as (wide,):
            return _Gathered(aligned, own, self.teacher_context.gather(wide))
