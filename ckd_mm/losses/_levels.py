"""One level of feature maps or several, for the losses that compare them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ['Maps', 'levels_of', 'shapes', 'sum_over_levels']

Maps: TypeAlias = Tensor | Sequence[Tensor]
"""Feature maps (N, C, H, W) of one level, or a sequence with those of each level."""


def sum_over_levels(
    loss: Callable[[Tensor, Tensor], Tensor], student: Maps, teacher: Maps
) -> Tensor:
    """The sum of `loss` over the levels, paired in order.

    Raises:
        ValueError: The numbers of levels differ or are 0, or `loss` refuses a pair; the
            message then names the level.
    """
    if isinstance(student, Tensor) and isinstance(teacher, Tensor):
        return loss(student, teacher)
    students, teachers = levels_of(student), levels_of(teacher)
    if not students or len(students) != len(teachers):
        raise ValueError(
            'student and teacher must have the same number of levels, at least one, '
            f'got {shapes(students)} and {shapes(teachers)}; '
            'choose layers that return the same number of feature maps'
        )
    values = []
    for number, pair in enumerate(zip(students, teachers, strict=True)):
        try:
            values.append(loss(*pair))
        except ValueError as error:
            raise ValueError(f'level {number}: {error}') from error
    return torch.stack(values).sum(dim=0)


def levels_of(maps: Maps) -> Sequence[Tensor]:
    """The levels as a sequence, even if there is only one."""
    return [maps] if isinstance(maps, Tensor) else maps


def shapes(levels: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """The shape of each level, for an error message."""
    return [tuple(level.shape) for level in levels]
