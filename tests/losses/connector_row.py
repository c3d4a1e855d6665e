"""What the battery asks of a loss of feature maps that has parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .modules import ModuleFunction, build_with_weights
from .row import LossRow, Mismatch
from .samples import PERMUTATIONS, Change, Sample, draw

__all__ = ['PERMUTATION', 'ConnectorRow', 'connector_row']

STUDENT = (2, 5, 6)
PERMUTATION: dict[str, Change] = {
    name: change for name, change in PERMUTATIONS.items() if name.endswith('rows')
}


def wrong_channels(width: int) -> tuple[Mismatch, ...]:
    """Maps, of student or teacher, that do not have the channels in the config."""

    student, teacher = (4, *STUDENT), (4, width, *STUDENT[1:])

    def mismatch(whose: str, own: tuple[int, ...], wanted: tuple[int, ...]) -> Mismatch:
        both = f'student {[own]} and teacher {[wanted]}'
        is_student = whose == 'student'
        got, channels = (own, STUDENT[0]) if is_student else (wanted, width)
        if len(got) == 3:
            message = (
                f'level 0: {whose} must be (N, C, H, W) or (N, C), got {both}; choose '
                'a layer that returns feature maps or a pooled embedding'
            )
        else:
            message = (
                f'{whose} must have the channels {[channels]}, level by level, as '
                f'{whose}_channels says, got {[got[1]]} ({both}); set '
                f'{whose}_channels={[got[1]]} in the loss of the term, or choose other '
                'layers'
            )
        return Mismatch(own, wanted, message)

    return (
        *(mismatch('student', got, teacher) for got in ((4, 7, 5, 6), (4, 2, 5))),
        *(mismatch('teacher', student, got) for got in ((4, 7, 5, 6), (4, 90))),
    )


def other_images(names: str, width: int, as_wide: bool) -> Mismatch:
    """Five images of the teacher for four of the student, which may be as wide then."""
    student = (4, width if as_wide else STUDENT[0], *STUDENT[1:])
    teacher = (5, width, *STUDENT[1:])
    message = (
        'student and teacher feature maps must be (N, C, H, W) with the same '
        f'{names}, got {student} and {teacher}; check that both models saw the same '
        'images'
    )
    return Mismatch((4, *STUDENT), teacher, message)


@dataclass(frozen=True)
class ConnectorRow(LossRow):
    """A row of a loss with parameters; the teacher's maps are wider.

    Args:
        of_pairs: Parameters that count between images, and not for a single one.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    teacher_rest: tuple[int, ...] = ()
    of_pairs: tuple[str, ...] = ()

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
    width: int = 3,
    must_agree: str = 'N, C, H, W',
    as_wide: bool = True,
    size: tuple[int, int] = STUDENT[1:],
    **rest: Any,
) -> ConnectorRow:
    """A row with a teacher of `width` channels, of whose maps some sizes must fit."""
    arguments = {'student_channels': STUDENT[0], 'teacher_channels': width}
    defaults: dict[str, Any] = {
        'kwargs_sets': ({},),
        'defaults': {},
        'refused': (),
        'invariances': PERMUTATION,
        'golden': (),
    }
    return ConnectorRow(
        class_name=class_name,
        function=ModuleFunction(class_name, arguments),
        reference=ModuleFunction(class_name, arguments, loop),
        arguments=arguments,
        rest=(STUDENT[0], *size),
        teacher_rest=(width, *size),
        mismatches=(*wrong_channels(width), other_images(must_agree, width, as_wide)),
        **{**defaults, **rest},
    )
