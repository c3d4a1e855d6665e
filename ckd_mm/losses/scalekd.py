"""ScaleKD as a registered loss: the last stage, or the last two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from ckd_mm.checks import (
    boolean,
    check_any_positive,
    non_negative,
    positive,
)
from ckd_mm.functional import scalekd_loss
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside
from ckd_mm.functional._positions import check_positions
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._cross_attention import Projector, heads_of, sizes_of
from ckd_mm.losses._inside import InsideImages
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ScaleKDLoss']

LastStage: TypeAlias = Callable[[Tensor], Tensor]
"""Maps (N, C, H, W) of the teacher's last stage, of maps of the stage before."""


@LOSSES.register_module()
class ScaleKDLoss(InsideImages):
    r"""Directions of the teacher's features, read from the student by cross-attention.

    .. math::
        L = \alpha L_{spatial}(A(s), t) + \beta L_{frequency}(A'(s), t)

    with both terms as in :func:`ckd_mm.functional.scalekd_loss`, the second one with
    `remove_mean`. The projectors A and A' are trained along with the student:

    .. math::
        x = \mathrm{ReLU}(\mathrm{BN}(\mathrm{conv}_{3 \times 3}(s))) + p, \qquad
        y = \mathrm{LN}(\mathrm{attention}(\mathrm{ReLU}(\mathrm{conv}_{1 \times 1}(q)),
        x)), \qquad A(s) = y + \mathrm{FFN}(y)

    with learned positions p and queries q, one query per position of the teacher's map.
    So the maps may differ in width and size. A projector of weight 0 is not made.

    "ScaleKD: Strong Vision Transformers Could Be Excellent Teachers", arXiv:2411.06786.
    With `through_teacher` it is the whole of it, on the last two stages: maps projected
    from the student's last stage but one go through the teacher's frozen last stage F,

    .. math::
        L = \sum_i L_i(F(A_1(s_1)), t) + L_i(A_2(s_2; q = F(A_1(s_1))), t)

    over both terms i, and what comes out is also the query of the last projector.
    Without it each level has learned queries, and is compared with its own level of the
    teacher, as the authors' code does on the last stage alone.

    Positions and queries are brought to the sizes of the maps, where the authors' code
    needs maps of their size. Each map has at most 4096 positions. Convolution and keys
    have no bias, which BatchNorm and the softmax would remove. The teacher's stage runs
    in float32, as all of the loss.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level. The losses of the levels are summed.
        teacher_channels: The same for the teacher.
        num_heads: Heads of the attention, which divide the teacher's channels, or a
            list with one number per level; `None` is the largest number with heads of
            64 channels or more. The authors: 24 of 1536 channels, 16 of 768 before.
        query_hw: Height and width at which positions and queries are learned, or a list
            with a pair per level: for images of 224 pixels the last stage's are 7 x 7,
            and those of the stage before 14 x 14.
        softmax_scale: Multiplies the attention's scores, beside one over the root of
            the channels of a head.
        spatial_weight: The weight alpha; 0 is no such term.
        frequency_weight: The weight beta; 0 is no such term.
        through_teacher: Whether maps of the first of two levels go through the
            teacher's last stage, which `on='last_stages'` gives.
        ignore_padding: Leave out positions beyond the image in a padded batch: as keys
            of the attention and in both terms.
        loss_weight: Multiplies the loss; 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import ScaleKDLoss
        >>> loss = ScaleKDLoss(8, 32, num_heads=4)
        >>> loss(torch.randn(2, 8, 7, 7), torch.randn(2, 32, 6, 6)).shape
        torch.Size([])
    """

    takes: ClassVar[Takes] = 'rows or maps'

    def __init__(
        self,
        student_channels: Channels,
        teacher_channels: Channels,
        num_heads: int | Sequence[int] | None = None,
        query_hw: Size | Sequence[Size] = (7, 7),
        softmax_scale: float = 5.0,
        spatial_weight: float = 0.08,
        frequency_weight: float = 0.06,
        through_teacher: bool = False,
        ignore_padding: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(ignore_padding, loss_weight)
        self.widths = widths(student_channels, teacher_channels)
        self.spatial_weight = non_negative('spatial_weight', spatial_weight)
        self.frequency_weight = non_negative('frequency_weight', frequency_weight)
        check_any_positive(
            spatial_weight=spatial_weight, frequency_weight=frequency_weight
        )
        self.softmax_scale = positive('softmax_scale', softmax_scale)
        self.through_teacher = boolean('through_teacher', through_teacher)
        if through_teacher and len(self.widths) != 2:
            raise ValueError(
                'through_teacher=True needs the last two stages of both models, got '
                f"{len(self.widths)} level(s); compare on='last_stages', or leave it "
                'out'
            )
        sizes = sizes_of(query_hw, len(self.widths))
        heads = heads_of(num_heads, [width for _, width in self.widths])
        self.projectors = nn.ModuleList(
            nn.ModuleDict(
                {
                    term: Projector(
                        *self.widths[level],
                        heads[level],
                        sizes[level],
                        softmax_scale,
                        has_query=not (self.through_teacher and level == 1),
                    )
                    for term in self._weights
                }
            )
            for level in range(len(self.widths))
        )

    @property
    def also_needs(self) -> tuple[str, ...]:
        """What it asks for beside student and teacher."""
        return (*super().also_needs, *('last_stage',) * self.through_teacher)

    def forward(
        self,
        student: Maps,
        teacher: Maps,
        image_shapes: Shapes | None = None,
        image_size: Size | None = None,
        last_stage: LastStage | None = None,
    ) -> Tensor:
        """The weighted loss, of shape ().

        Args:
            student: The student's maps, by level if there are several.
            teacher: The teacher's.
            image_shapes: Height and width of each image before padding; `None` counts
                all.
            image_size: Height and width of the padded batch.
            last_stage: The teacher's last stage, for `through_teacher`.

        Raises:
            ValueError: The maps are not those of the channels, or have more than 4096
                positions.
        """
        shapes = image_shapes if self.ignore_padding else None
        if self.through_teacher:
            assert last_stage is not None
            loss = self._both_stages(student, teacher, shapes, image_size, last_stage)
        else:
            loss = self.compare(student, teacher, shapes, image_size)
        return self.loss_weight * loss

    def compare(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of all levels, each with queries of its own, of shape ()."""

        def of_level(by_term: nn.ModuleDict, student: Tensor, teacher: Tensor) -> Any:
            size = _size(teacher)
            mask_NP = _mask(student, shapes, image_size)
            return sum(
                self._distance(
                    term,
                    by_term[term](student, size, mask_NP),
                    teacher,
                    shapes,
                    image_size,
                )
                for term in self._weights
            )

        found = self._pairs(student, teacher)
        return over_pairs(of_level, self.projectors, found).sum()

    def _both_stages(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
        last_stage: LastStage,
    ) -> Tensor:
        """The loss of the last two stages, of shape ()."""
        found = self._pairs(student, teacher)
        projectors: list[Any] = [*self.projectors]
        before, last = (maps.detach() for _, maps in found)
        losses = []
        with upcast(found) as students:
            masks = [_mask(maps, shapes, image_size) for maps in students]
            for term in self._weights:
                first, second = (by_term[term] for by_term in projectors)
                through = last_stage(first(students[0], _size(before), masks[0]))
                read = second(students[1], _size(last), masks[1], through)
                losses += [
                    self._distance(term, maps, last, shapes, image_size)
                    for maps in (through, read)
                ]
        return torch.stack(losses).sum()

    def _pairs(self, student: Maps, teacher: Maps) -> list[tuple[Tensor, Tensor]]:
        """Both maps of each level; the attention has scores of all their positions."""
        found = pairs(student, teacher, self.widths)
        for both in found:
            check_positions('ScaleKDLoss', *both)
        return found

    def _distance(
        self,
        term: str,
        projected: Tensor,
        teacher: Tensor,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """One of the two terms, with its weight."""
        return self._weights[term] * scalekd_loss(
            projected, teacher, shapes, image_size, remove_mean=term == 'frequency'
        )

    @property
    def _weights(self) -> dict[str, float]:
        """The weight of each term that is not left out."""
        weights = {'spatial': self.spatial_weight, 'frequency': self.frequency_weight}
        return {term: weight for term, weight in weights.items() if weight > 0}


def _mask(
    maps: Tensor, image_shapes: Shapes | None, image_size: Size | None
) -> Tensor | None:
    """False for positions (N, P) in the padding; `None` where there are none."""
    inside = sizes_inside(_size(maps), image_shapes, image_size)
    return None if inside is None else mask_inside(inside, maps).flatten(1) > 0


def _size(maps: Tensor) -> Size:
    return maps.shape[2], maps.shape[3]
