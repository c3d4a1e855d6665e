"""What the losses share that have something to learn for each level.

Such a loss takes the feature maps (N, C, H, W) of one level or of several, and pooled
embeddings (N, C), which count as maps of 1 x 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ckd_mm.functional._inputs import full_precision
from ckd_mm.losses._levels import Maps, levels_of, shapes

__all__ = ['BatchNorm', 'Channels', 'Widths', 'over_pairs', 'pairs', 'widths']

Channels: TypeAlias = int | Sequence[int]
"""The channels of one level, or those of several."""

Widths: TypeAlias = list[tuple[int, int]]
"""By level the channels of student and teacher."""


def widths(student_channels: Channels, teacher_channels: Channels) -> Widths:
    """By level the channels of student and teacher, once they are known to fit.

    Raises:
        ValueError: They are not integers >= 1 or lists of such of one length.
    """
    students = _channels('student_channels', student_channels)
    teachers = _channels('teacher_channels', teacher_channels)
    if len(students) != len(teachers):
        raise ValueError(
            'student_channels and teacher_channels must name as many levels, '
            f'got {student_channels!r} and {teacher_channels!r}'
        )
    return list(zip(students, teachers, strict=True))


def pairs(
    student: Maps, teacher: Maps, by_level: Widths
) -> list[tuple[Tensor, Tensor]]:
    """The maps by level, once their numbers are known to fit the widths.

    Raises:
        ValueError: They do not; the message has the shapes of both models.
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
    _check_channels('student', students, [own for own, _ in by_level], both)
    _check_channels('teacher', teachers, [wanted for _, wanted in by_level], both)
    return [
        (_as_map(own), _as_map(wanted))
        for own, wanted in zip(students, teachers, strict=True)
    ]


def over_pairs(
    loss: Callable[[Any, Tensor, Tensor], Tensor],
    connectors: nn.ModuleList,
    found: list[tuple[Tensor, Tensor]],
) -> Tensor:
    """By level `loss(connector, student, teacher)` in full precision, (levels,)."""
    values = []
    for connector, pair in zip(connectors, found, strict=True):
        with full_precision(*pair) as (student, teacher):
            values.append(loss(connector, student, teacher))
    return torch.stack(values)


class BatchNorm(nn.BatchNorm2d):
    """Uses the running statistics where there is no more than one value per channel.

    The last batch of an epoch can be a single image, and the pooled embedding has one
    value of each channel for it; `BatchNorm2d` would end the run there.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.numel() > self.num_features:
            return super().forward(input)
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            eps=self.eps,
        )


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
