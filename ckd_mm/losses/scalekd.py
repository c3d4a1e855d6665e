"""The last-stage half of ScaleKD as a registered loss."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from ckd_mm.checks import (
    check_any_positive,
    non_negative,
    positive,
    positive_integer,
)
from ckd_mm.functional import scalekd_loss
from ckd_mm.functional._padding import Shapes, Size, mask_inside, sizes_inside
from ckd_mm.losses._connectors import Channels, over_pairs, pairs, widths
from ckd_mm.losses._cross_attention import Projector
from ckd_mm.losses._inside import InsideImages
from ckd_mm.losses._levels import Maps
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['ScaleKDLoss']

_HEAD_WIDTH = 64


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

    "ScaleKD: Strong Vision Transformers Could Be Excellent Teachers", arXiv:2411.06786,
    its last stage alone. Where the authors also distil the stage before, the queries of
    the last one are that stage's output; here they are learned, as in the authors'
    code for `self_query=True`. Positions and queries are brought to the sizes of the
    maps, where the authors' code needs maps of their size. Convolution and keys have no
    bias, which BatchNorm and the softmax would remove.

    Args:
        student_channels: Number of channels of the student's level, or a list with one
            number per level. The losses of the levels are summed.
        teacher_channels: The same for the teacher.
        num_heads: Heads of the attention, which divide the teacher's channels; `None`
            is the largest number with heads of 64 channels or more. The authors: 24
            of 1536 channels, 6 of 768.
        query_hw: Height and width at which positions and queries are learned: the last
            stage's, 7 x 7 for images of 224 pixels.
        softmax_scale: Multiplies the attention's scores, beside one over the root of
            the channels of a head.
        spatial_weight: The weight alpha; 0 is no such term.
        frequency_weight: The weight beta; 0 is no such term.
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
        num_heads: int | None = None,
        query_hw: Size = (7, 7),
        softmax_scale: float = 5.0,
        spatial_weight: float = 0.08,
        frequency_weight: float = 0.06,
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
        query_hw = _checked_size(query_hw)
        self.projectors = nn.ModuleList(
            nn.ModuleDict(
                {
                    term: Projector(
                        student_width,
                        teacher_width,
                        _checked_heads(num_heads, teacher_width),
                        query_hw,
                        softmax_scale,
                    )
                    for term in self._weights
                }
            )
            for student_width, teacher_width in self.widths
        )

    def compare(
        self,
        student: Maps,
        teacher: Maps,
        shapes: Shapes | None,
        image_size: Size | None,
    ) -> Tensor:
        """The loss of all levels, of shape ()."""

        def of_level(by_term: nn.ModuleDict, student: Tensor, teacher: Tensor) -> Any:
            size = (teacher.shape[2], teacher.shape[3])
            mask_NP = _mask(student, shapes, image_size)
            return sum(
                weight
                * scalekd_loss(
                    by_term[term](student, size, mask_NP),
                    teacher,
                    shapes,
                    image_size,
                    remove_mean=term == 'frequency',
                )
                for term, weight in self._weights.items()
            )

        found = pairs(student, teacher, self.widths)
        return over_pairs(of_level, self.projectors, found).sum()

    @property
    def _weights(self) -> dict[str, float]:
        """The weight of each term that is not left out."""
        weights = {'spatial': self.spatial_weight, 'frequency': self.frequency_weight}
        return {term: weight for term, weight in weights.items() if weight > 0}


def _mask(
    maps: Tensor, image_shapes: Shapes | None, image_size: Size | None
) -> Tensor | None:
    """False for positions (N, P) in the padding; `None` where there are none."""
    inside = sizes_inside((maps.shape[2], maps.shape[3]), image_shapes, image_size)
    return None if inside is None else mask_inside(inside, maps).flatten(1) > 0


def _checked_size(value: Any) -> Size:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    if is_pair and all(type(side) is int and side >= 1 for side in value):
        return value[0], value[1]
    raise ValueError(f'query_hw must be a height and a width >= 1, got {value!r}')


def _checked_heads(value: Any, width: int) -> int:
    """The number of heads for the teacher's width."""
    if value is None:
        most = max(width // _HEAD_WIDTH, 1)
        return max(heads for heads in range(1, most + 1) if width % heads == 0)
    if width % positive_integer('num_heads', value):
        raise ValueError(
            'num_heads must be None or a number that divides the '
            f"teacher's channels, here {width}, got {value!r}"
        )
    return value
