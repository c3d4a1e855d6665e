"""One level of feature maps or several, for the losses that compare them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ['Maps', 'levels_of', 'shapes', 'sum_over_levels']

Maps: TypeAlias = Tensor | Sequence[Tensor]
"""Feature maps (N, C, H, W), or those of several levels."""


def sum_over_levels(
    loss: Callable[[Tensor, Tensor], Tensor], student: Maps, teacher: Maps
) -> Tensor:
    """The sum of `loss` over pairs of levels, in order.

    Raises:
        ValueError: The numbers of levels differ or are 0, or a pair is refused by
            `loss`; the message then says which.
    """
    if isinstance(student, Tensor) and isinstance(teacher, Tensor):
        return loss(student, teacher)
    students, teachers = levels_of(student), levels_of(teacher)
    if not students or len(students) != len(teachers):
        raise ValueError(
            'student and teacher must have the same number of levels, one at least, '
            f'got {shapes(students)} and {shapes(teachers)}; '
            'choose layers that return as many feature maps'
        )
    values = []
    for number, pair in enumerate(zip(students, teachers, strict=True)):
        try:
            values.append(loss(*pair))
        except ValueError as error:
            raise ValueError(f'level {number}: {error}') from error
    return torch.stack(values).sum()


def levels_of(maps: Maps) -> Sequence[Tensor]:
    """A list of levels, also where there is one."""
    return [maps] if isinstance(maps, Tensor) else maps


def shapes(levels: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """For an error message."""
    return [tuple(level.shape) for level in levels]
