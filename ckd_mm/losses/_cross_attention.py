"""ScaleKD's projector: the teacher's positions read the student's map by attention.

Shape suffixes beside the package's: D channels of the teacher, K heads, E channels of a
head, P positions of the student's map, Q positions of the teacher's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.checks import positive_integer
from ckd_mm.functional._padding import Size
from ckd_mm.functional._sizes import resized
from ckd_mm.losses._connectors import BatchNorm

__all__ = ['CrossAttention', 'Projector', 'heads_of', 'sizes_of']

_HEAD_WIDTH = 64


class CrossAttention(nn.Module):
    """Multi-head attention from one set of queries to the tokens of each image.

    Queries, keys, values and the output have a linear projection each, as in
    `nn.MultiheadAttention`. That of the keys has no bias: it would add one number to
    all scores of a query, which changes no softmax.
    """

    def __init__(
        self, key_width: int, width: int, num_heads: int, softmax_scale: float
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = softmax_scale * (width // num_heads) ** -0.5
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(key_width, width, bias=False)
        self.value = nn.Linear(key_width, width)
        self.output = nn.Linear(width, width)

    def forward(
        self, query_NQD: Tensor, keys_NPC: Tensor, mask_NP: Tensor | None
    ) -> Tensor:
        """The attended values (N, Q, D); a mask is False for keys to leave out.

        Queries that are the same for all images may be given once, (1, Q, D).
        """
        query_NKQE = self._heads(self.query(query_NQD)).expand(
            len(keys_NPC), -1, -1, -1
        )
        # Not PyTorch's fused attention, whose gradient on CUDA is in no fixed order.
        keys_NKPE, values_NKPE = (
            self._heads(layer(keys_NPC)) for layer in (self.key, self.value)
        )
        scores_NKQP = self.scale * query_NKQE @ keys_NKPE.mT
        if mask_NP is not None:
            left_out = ~mask_NP[:, None, None, :]
            scores_NKQP = scores_NKQP.masked_fill(left_out, -torch.inf)
        attended_NKQE = scores_NKQP.softmax(dim=3) @ values_NKPE
        return self.output(attended_NKQE.transpose(1, 2).flatten(2))

    def _heads(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(2, (self.num_heads, -1)).transpose(1, 2)


class Projector(nn.Module):
    """Gives maps of the teacher's width and size, of the student's of any.

    Args:
        student_width: Channels of the student's maps.
        teacher_width: Channels of the teacher's maps.
        num_heads: Heads of the attention.
        query_hw: The size at which positions and queries are learned.
        softmax_scale: Multiplies the attention's usual scores.
        has_query: Whether it learns queries; else they are given.
    """

    query: nn.Parameter | None

    def __init__(
        self,
        student_width: int,
        teacher_width: int,
        num_heads: int,
        query_hw: Size,
        softmax_scale: float,
        has_query: bool = True,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(student_width, student_width, 3, padding=1, bias=False),
            BatchNorm(student_width),
            nn.ReLU(),
        )
        position = torch.empty(1, student_width, *query_hw)
        self.position = nn.Parameter(nn.init.trunc_normal_(position, std=0.02))
        self.query = None
        if has_query:
            self.query = nn.Parameter(torch.randn(1, teacher_width, *query_hw))
        self.embed_query = nn.Sequential(
            nn.Conv2d(teacher_width, teacher_width, kernel_size=1), nn.ReLU()
        )
        self.attention = CrossAttention(
            student_width, teacher_width, num_heads, softmax_scale
        )
        self.norm = nn.LayerNorm(teacher_width)
        self.feed_forward = nn.Sequential(
            nn.Linear(teacher_width, 4 * teacher_width),
            nn.ReLU(),
            nn.Linear(4 * teacher_width, teacher_width),
        )

    def forward(
        self,
        student_NCHW: Tensor,
        size: Size,
        mask_NP: Tensor | None,
        query_NDHW: Tensor | None = None,
    ) -> Tensor:
        """The projected maps (N, D, *size).

        Args:
            student_NCHW: The student's maps.
            size: Height and width of the teacher's.
            mask_NP: False for positions of the student's maps in the padding.
            query_NDHW: The queries, where none are learned.
        """
        student_size = (student_NCHW.shape[2], student_NCHW.shape[3])
        keys = self.embed(student_NCHW) + resized(self.position, student_size)
        query = query_NDHW if self.query is None else self.query
        assert query is not None
        query = self.embed_query(resized(query, size))
        tokens_NQD = self.norm(self.attention(_tokens(query), _tokens(keys), mask_NP))
        tokens_NQD = tokens_NQD + self.feed_forward(tokens_NQD)
        return tokens_NQD.transpose(1, 2).unflatten(2, size)


def sizes_of(value: Any, levels: int) -> list[Size]:
    """A size for each level.

    Raises:
        ValueError: It is no size, nor a list of one for each.
    """
    several = isinstance(value, (list, tuple)) and len(value) == levels
    if several and all(isinstance(one, (list, tuple)) for one in value):
        return [_checked_size(one) for one in value]
    return [_checked_size(value)] * levels


def heads_of(value: Any, widths: list[int]) -> list[int]:
    """The number of heads for each level, of the teacher's width.

    Raises:
        ValueError: It does not divide the width, or is of another number of levels.
    """
    if isinstance(value, (list, tuple)):
        if len(value) != len(widths):
            raise ValueError(
                'num_heads must be one number or a list of one per level, of which '
                f'there are {len(widths)}, got {value!r}'
            )
        return [_checked_heads(*one) for one in zip(value, widths, strict=True)]
    return [_checked_heads(value, width) for width in widths]


def _tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


def _checked_size(value: Any) -> Size:
    is_pair = isinstance(value, (list, tuple)) and len(value) == 2
    if is_pair and all(type(side) is int and side >= 1 for side in value):
        return value[0], value[1]
    raise ValueError(
        'query_hw must be a height and a width >= 1, or a list of one such pair per '
        f'level, got {value!r}'
    )


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
