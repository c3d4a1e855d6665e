"""Shared code of the losses that train modules for each level.

Such a loss takes the feature maps (N, C, H, W) of one level or of several. Pooled
embeddings (N, C) count as maps of 1 x 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ckd_mm.functional._batch_norm import BatchNorm
from ckd_mm.functional._inputs import check_maps
from ckd_mm.functional._recomputed import recomputed
from ckd_mm.functional._upcast import upcast
from ckd_mm.losses._levels import Maps, levels_of, shapes

__all__ = [
    'BatchNorm',
    'Channels',
    'Widths',
    'behind_regressor',
    'map_pairs',
    'over_pairs',
    'pairs',
    'projections',
    'widths',
]

Channels: TypeAlias = int | Sequence[int]
"""The number of channels of one level, or a list with one number per level."""

Widths: TypeAlias = list[tuple[int, int]]
"""One pair (student channels, teacher channels) per level."""


def widths(student_channels: Channels, teacher_channels: Channels) -> Widths:
    """Check the channels and return one pair (student, teacher) per level.

    Raises:
        ValueError: An argument is neither an integer >= 1 nor a list of such integers,
            or the two lists differ in length.
    """
    students = _channels('student_channels', student_channels)
    teachers = _channels('teacher_channels', teacher_channels)
    if len(students) != len(teachers):
        raise ValueError(
            'student_channels and teacher_channels must have the same number of '
            f'levels, got {student_channels!r} and {teacher_channels!r}; give one '
            'number per level for both'
        )
    return list(zip(students, teachers, strict=True))


def pairs(
    student: Maps, teacher: Maps, by_level: Widths
) -> list[tuple[Tensor, Tensor]]:
    """Check the maps and return one pair (student, teacher) per level.

    Raises:
        ValueError: The levels or their channels do not fit `by_level`; the message has
            the shapes of both models.
    """
    students, teachers = levels_of(student), levels_of(teacher)
    if not len(students) == len(teachers) == len(by_level):
        raise ValueError(
            f'student and teacher must have {len(by_level)} level(s), as '
            'student_channels and teacher_channels have, '
            f'got {shapes(students)} and {shapes(teachers)}; '
            'give the channels of every level as a list, or choose other layers'
        )
    both = f'student {shapes(students)} and teacher {shapes(teachers)}'
    _check_channels('student', students, [pair[0] for pair in by_level], both)
    _check_channels('teacher', teachers, [pair[1] for pair in by_level], both)
    return [
        (_as_map(student_level), _as_map(teacher_level))
        for student_level, teacher_level in zip(students, teachers, strict=True)
    ]


def map_pairs(
    student: Maps, teacher: Maps, by_level: Widths
) -> list[tuple[Tensor, Tensor]]:
    """:func:`pairs` of feature maps, without pooled embeddings.

    Raises:
        ValueError: As there, or a level is an embedding.
    """
    found = pairs(student, teacher, by_level)
    for both in zip(levels_of(student), levels_of(teacher), strict=True):
        if 2 in (both[0].ndim, both[1].ndim):
            check_maps(*both, any_channels=True, any_size=True)
    return found


def projections(
    by_level: Widths, project: bool = True, bias: bool = True
) -> nn.ModuleList:
    """For each level, a 1 x 1 convolution to the teacher's width, or nothing.

    Raises:
        ValueError: Maps of different widths would stay as they are.
    """
    if not project and any(student != teacher for student, teacher in by_level):
        raise ValueError(
            'project=False needs maps of one width, got (student, teacher) channels '
            f'{by_level}; leave project=True'
        )
    return nn.ModuleList(
        nn.Conv2d(student, teacher, kernel_size=1, bias=bias)
        if project
        else nn.Identity()
        for student, teacher in by_level
    )


def over_pairs(
    loss: Callable[[Any, Tensor, Tensor], Tensor],
    connectors: Iterable[Any],
    found: list[tuple[Tensor, Tensor]],
) -> Tensor:
    """`loss(connector, student, teacher)` of each level, the student's maps upcast."""
    values = []
    for connector, pair in zip(connectors, found, strict=True):
        with upcast([pair]) as (student,):
            values.append(loss(connector, student, pair[1].detach()))
    return torch.stack(values)


def behind_regressor(
    loss: Callable[[Tensor, Tensor], Tensor],
    layers: tuple[Any, BatchNorm | None],
    relu: bool,
    student: Tensor,
    teacher: Tensor,
) -> Tensor:
    """`loss(student, teacher)` of one level behind a convolution and what follows it.

    Only the convolution's output is kept for it.

    Args:
        loss: It takes maps of one width, of any sizes.
        layers: The convolution, and the BatchNorm that follows if there is one.
        relu: Whether a ReLU comes last.
        student: The student's maps.
        teacher: The teacher's.

    Raises:
        ValueError: The maps are not of the same images.
    """
    regressor, norm = layers

    def compare(maps: Tensor, teacher: Tensor, *, again: bool) -> Tensor:
        maps = maps if norm is None else norm(maps, again=again)
        return loss(maps.relu() if relu else maps, teacher)

    maps = regressor(student)
    if norm is None and not relu:
        return compare(maps, teacher, again=False)
    # an error inside `checkpoint` would leave its hooks to whatever comes next
    check_maps(maps, teacher, any_size=True)
    return recomputed(compare, maps, teacher)


def _channels(name: str, value: Any) -> Sequence[int]:
    values = value if isinstance(value, Sequence) else [value]
    if not values or not all(type(item) is int and item >= 1 for item in values):
        raise ValueError(
            f'{name} must be an integer >= 1 or a list of one per level, got {value!r}'
        )
    return values


def _check_channels(
    whose: str, levels: Sequence[Tensor], channels: list[int], both: str
) -> None:
    for number, level in enumerate(levels):
        if level.ndim not in (2, 4):
            raise ValueError(
                f'level {number}: {whose} must be (N, C, H, W) or (N, C), got {both}; '
                'choose a layer that returns feature maps or a pooled embedding'
            )
    found = [level.shape[1] for level in levels]
    if found != channels:
        raise ValueError(
            f'{whose} must have the channels {channels}, level by level, as '
            f'{whose}_channels says, got {found} ({both}); set {whose}_channels='
            f'{found} in the loss of the term, or choose other layers'
        )


def _as_map(level: Tensor) -> Tensor:
    return level[:, :, None, None] if level.ndim == 2 else level
