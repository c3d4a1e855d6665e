"""Where the rows of RoIs are noted in each stage, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Readout
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.roi.passes import ProposedInStudent, ProposedInTeacher, RoIHeads
from ckd_mm.adapters.roi.proposed import ProposedRoIs
from ckd_mm.adapters.roi.stages import StageMap, Stages

__all__ = ['HeadTap', 'ReadRows', 'readouts']


class HeadTap(NamedTuple):
    """Where a value of a stage is noted.

    Args:
        module: A module of the RoI head, such as `bbox_head`.
        inner: One inside it; empty for the module itself.
        port: What it receives or what it returns.
    """

    module: str
    inner: str = ''
    port: Literal['input', 'output'] = 'output'

    def of(self, stages: Stages, stage: int, run: Any = None) -> Tap:
        """The tap of a stage, in one run of it."""
        inner = self.inner or stages.once(self.module)
        return Tap(stages.name(self.module, stage, inner), self.port, run)


ReadRows: TypeAlias = Callable[[Any, Step, int, Any], Tensor]
"""Rows from what was noted, the step, a stage of the student and a box head."""


def readouts(
    student: Stages,
    teacher: Stages,
    stage_map: StageMap,
    tap: HeadTap,
    read_rows: ReadRows,
    proposed: ProposedRoIs | None = None,
    teacher_rows: ReadRows | None = None,
) -> tuple[Readout, Readout]:
    """How the rows of RoIs are read, of the student and of the teacher.

    Args:
        student: The student's stages.
        teacher: The teacher's.
        stage_map: Which RoIs are compared, and which stages of the teacher see them.
        tap: Where a stage's value is noted.
        read_rows: Makes rows of it.
        proposed: The RoIs of one more run of both heads; `None`: those of the step.
        teacher_rows: Makes the teacher's rows, where that is done in another way.
    """
    kind: Literal['bbox', 'mask'] = 'mask' if tap.module == 'mask_head' else 'bbox'
    pairs = stage_map.pairs()
    if proposed is None:
        student_run = None
        teacher_taps = [
            tap.of(teacher, number, RoIHeads(kind, stage, number, student, teacher))
            for stage, number in pairs
        ]
    else:
        student_run = ProposedInStudent(proposed, student, teacher)
        teacher_taps = [
            tap.of(
                teacher, number, ProposedInTeacher(proposed, number, student, teacher)
            )
            for _, number in pairs
        ]
    # A cascade stops early without a RoI. Its first stage runs in every step, and tells
    # the width of the rows, see _student_rows.
    student_taps = [
        tap.of(student, stage, student_run) for stage in (0, *stage_map.student)
    ]
    return (
        Readout(
            tuple(student_taps),
            partial(_student_rows, read_rows, student, stage_map.student),
            may_skip=student.is_cascade,
        ),
        Readout(
            tuple(teacher_taps),
            partial(_teacher_rows, teacher_rows or read_rows, teacher, pairs),
        ),
    )


def _student_rows(
    read_rows: ReadRows,
    stages: Stages,
    numbers: tuple[int, ...],
    values: list[Any],
    step: Step,
) -> Tensor:
    """The rows of all stages; none of a stage that a cascade did not reach."""
    first, *values = values
    rows = [
        read_rows(value, step, stage, stages.head(stage))
        for value, stage in zip(values, numbers, strict=True)
        if value is not None
    ]
    if not rows:
        return read_rows(first, step, 0, stages.head(0))[:0]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _teacher_rows(
    read_rows: ReadRows,
    stages: Stages,
    pairs: list[tuple[int, int]],
    values: list[Any],
    step: Step,
) -> Tensor:
    """The rows of all the student's stages, each the mean of the teacher's stages."""
    rows: dict[int, list[Tensor]] = {}
    for value, (student_stage, teacher_stage) in zip(values, pairs, strict=True):
        found = read_rows(value, step, student_stage, stages.head(teacher_stage))
        rows.setdefault(student_stage, []).append(found)
    means = [
        of_stage[0] if len(of_stage) == 1 else torch.stack(of_stage).mean(0)
        for of_stage in rows.values()
    ]
    return means[0] if len(means) == 1 else torch.cat(means)
