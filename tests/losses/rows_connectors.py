"""The rows of the losses of feature maps that have parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .modules import ModuleFunction, build_with_weights
from .references_connectors import reference_fitnet, reference_reviewkd
from .row import LossRow, Mismatch
from .samples import PERMUTATIONS, Change, Sample, draw

__all__ = ['CONNECTOR_ROWS', 'ConnectorRow']

STUDENT, TEACHER = (2, 5, 6), (3, 5, 6)
PERMUTATION: dict[str, Change] = {
    name: change for name, change in PERMUTATIONS.items() if name.endswith('rows')
}


def mismatch(student: tuple[int, ...], teacher: tuple[int, ...], text: str) -> Mismatch:
    return Mismatch(student, teacher, text)


def wrong_channels(whose: str, channels: int, got: tuple[int, ...]) -> Mismatch:
    """A map, of student or teacher, that does not have the channels in the config."""
    message = (
        f'level 0: {whose} must be (N, {channels}, H, W) or (N, {channels}), as its '
        f'channels in the config say, got {got}; set them to those of the chosen layer'
    )
    if whose == 'student':
        return Mismatch(got, (4, *TEACHER), message)
    return Mismatch((4, *STUDENT), got, message)


def other_images(names: str, student: tuple[int, ...] = (4, *TEACHER)) -> Mismatch:
    """Five images of the teacher for four of the student."""
    teacher = (5, *TEACHER)
    message = (
        'student and teacher feature maps must be (N, C, H, W) with the same '
        f'{names}, got {student} and {teacher}; check that both models saw the same '
        'images'
    )
    return Mismatch((4, *STUDENT), teacher, message)


CHANNELS = (
    wrong_channels('student', 2, (4, 7, 5, 6)),
    wrong_channels('student', 2, (4, 2, 5)),
    wrong_channels('teacher', 3, (4, 7, 5, 6)),
    wrong_channels('teacher', 3, (4, 90)),
)


@dataclass(frozen=True)
class ConnectorRow(LossRow):
    """A row of a loss with parameters; the teacher's maps are wider."""

    arguments: dict[str, Any] = field(default_factory=dict)
    teacher_rest: tuple[int, ...] = TEACHER
    no_gradient: tuple[str, ...] = ()

    def draw(self, rows: int, *, seed: int = 0, scale: float = 2.0) -> Sample:
        sample = super().draw(rows, seed=seed, scale=scale)
        other = draw(rows, *self.teacher_rest, seed=seed + 100, scale=scale)
        return replace(sample, teacher=other.teacher)

    def build(self, **config: Any) -> Any:
        return build_with_weights(
            self.class_name, torch.float64, **{**self.arguments, **config}
        )


def connector_row(
    class_name: str,
    loop: Callable[..., Tensor],
    *,
    mismatches: tuple[Mismatch, ...],
    **rest: Any,
) -> ConnectorRow:
    arguments = {'student_channels': STUDENT[0], 'teacher_channels': TEACHER[0]}
    defaults: dict[str, Any] = {'kwargs_sets': ({},), 'defaults': {}, 'refused': ()}
    return ConnectorRow(
        class_name=class_name,
        function=ModuleFunction(class_name, arguments),
        reference=ModuleFunction(class_name, arguments, loop),
        arguments=arguments,
        invariances=PERMUTATION,
        rest=STUDENT,
        mismatches=(*CHANNELS, *mismatches),
        golden=(),
        **{**defaults, **rest},
    )


CONNECTOR_ROWS = (
    connector_row(
        'FitNetLoss',
        reference_fitnet,
        mismatches=(other_images('N, C'),),
    ),
    connector_row(
        'ReviewKDLoss',
        reference_reviewkd,
        defaults={'mid_channels': 256},
        kwargs_sets=({'mid_channels': 3},),
        refused=tuple({'mid_channels': bad} for bad in (0, 2.5, '4', None, True)),
        mismatches=(other_images('N, C, H, W'),),
        steepest_at_zero=1000.0,  # BatchNorm divides by the root of its 1e-5, twice
    ),
)
