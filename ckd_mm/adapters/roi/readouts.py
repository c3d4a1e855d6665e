"""Where the rows of RoIs are noted in each stage, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Side, Step
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.roi.proposed import ProposedRoIs
from ckd_mm.adapters.roi.stages import Passes, Stages

__all__ = ['Place', 'Take', 'sides']

Place: TypeAlias = tuple[str, str, Literal['input', 'output']]
"""A module of the RoI head, one inside it or none, and the side of it."""

Take: TypeAlias = Callable[[Any, Step, int, Any], Tensor]
"""Rows from what was noted, for the RoIs of a student's stage and with a box head."""


def sides(
    student: Stages,
    teacher: Stages,
    passes: Passes,
    place: Place,
    take: Take,
    proposed: ProposedRoIs | None = None,
    teacher_take: Take | None = None,
) -> tuple[Side, Side]:
    """Both sides of a comparison of RoIs.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        passes: Which RoIs are compared, and which stages of the teacher see them.
        place: Where a stage's value is noted.
        take: Makes rows of it.
        proposed: The RoIs of an extra pass of both heads; None: the student's own.
        teacher_take: Makes the teacher's rows, where that is done in another way.
    """
    module, inner, side = place
    pairs = [
        (own, stage)
        for own, stages in zip(passes.own, passes.other, strict=True)
        for stage in stages
    ]
    # The first stage runs in every step: what a cascade that stopped early has the
    # width of. See _student_rows.
    own_taps = [
        Tap(student.name(module, own, inner or student.once(module)), side, proposed)
        for own in (0, *passes.own)
    ]
    other_taps = [
        Tap(
            teacher.name(module, stage, inner or teacher.once(module)),
            side,
            during=own if proposed is None else proposed,
        )
        for own, stage in pairs
    ]
    return (
        Side(
            tuple(own_taps),
            partial(_student_rows, take, student, passes.own),
            may_skip=student.is_cascade,
        ),
        Side(
            tuple(other_taps),
            partial(_teacher_rows, teacher_take or take, teacher, pairs),
        ),
    )


def _student_rows(
    take: Take, stages: Stages, own: tuple[int, ...], values: list[Any], step: Step
) -> Tensor:
    """The rows of all stages; None where a cascade stopped, having no RoI left."""
    first, *values = values
    rows = [
        take(value, step, stage, stages.head(stage))
        for value, stage in zip(values, own, strict=True)
        if value is not None
    ]
    if not rows:
        return take(first, step, 0, stages.head(0))[:0]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _teacher_rows(
    take: Take,
    stages: Stages,
    pairs: list[tuple[int, int]],
    values: list[Any],
    step: Step,
) -> Tensor:
    """The rows of all the student's stages, each the mean of the teacher's stages."""
    rows: dict[int, list[Tensor]] = {}
    for value, (own, stage) in zip(values, pairs, strict=True):
        rows.setdefault(own, []).append(take(value, step, own, stages.head(stage)))
    means = [
        of_stage[0] if len(of_stage) == 1 else torch.stack(of_stage).mean(0)
        for of_stage in rows.values()
    ]
    return means[0] if len(means) == 1 else torch.cat(means)
