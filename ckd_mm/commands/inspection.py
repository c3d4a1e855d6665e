"""Find what can be distilled between two models, by trying it on a random batch.

For `tools/inspect_distillation.py`, and for use in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import PairSpec, Part, Unavailable, build_adapter
from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.parts import options_of
from ckd_mm.adapters.core.semi_supervised import student_within, teacher_within
from ckd_mm.commands.defaults import maps_loss, part_term
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.engine.terms import CHANNELS, required_channels
from ckd_mm.errors import as_value_error
from ckd_mm.probing.untrained import build_untrained  # where it was before
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import ModelTeacher, Request

__all__ = ['Finding', 'build_untrained', 'find_parts']

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Finding:
    """One part of two models.

    Args:
        on: Its name.
        student: The shapes of the student's value, by level for feature maps.
        teacher: The teacher's.
        context: What a loss can ask for by name.
        options: The options of the part, with their defaults.
        columns: What the columns of class logits are.
        reason: Why it cannot be compared; empty if it can.
    """

    on: str
    student: Shapes = ()
    teacher: Shapes = ()
    context: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    columns: Columns | Pixels | None = None
    reason: str = ''

    @property
    def term(self) -> dict[str, Any] | None:
        """`on` and `loss` of the default term for it; `None` if there is none."""
        if self.reason:
            return None
        term = part_term(self.on, self.columns, self.context)
        student, teacher = self.widths
        if term is not None:
            channels = dict(zip(CHANNELS, (student, teacher), strict=True))
            needed = required_channels(LOSSES.get(term['loss']['type']))
            term['loss'].update({name: channels[name] for name in needed})
            return term
        if not (self.is_maps or self.on == 'embedding'):
            return None
        if len(student) != len(teacher):
            return None
        return dict(on=self.on, loss=maps_loss((student, teacher), self.same_sizes))

    @property
    def same_sizes(self) -> bool:
        """Whether each level is a map of the same height and width in both models."""
        student = [shape[2:] for shape in self.student]
        return self.is_maps and student == [shape[2:] for shape in self.teacher]

    @property
    def is_maps(self) -> bool:
        """Whether the values are feature maps rather than rows."""
        return any(len(shape) == 4 for shape in self.student)

    @property
    def widths(self) -> tuple[list[int], list[int]]:
        """Channels, or columns, of both by level."""
        return (
            [shape[1] for shape in self.student],
            [shape[1] for shape in self.teacher],
        )

    @property
    def connectors(self) -> str:
        """The options that connect the two values."""
        student, teacher = self.widths
        if len(student) != len(teacher):
            return f'{len(student)} and {len(teacher)} levels: name modules of one size'
        notes = []
        if student != teacher:
            notes.append(f'student_channels={student}, teacher_channels={teacher}')
        if self.is_maps and not self.same_sizes:
            notes.append('other sizes: a loss that pools')
        return '; '.join(notes) or 'none'


def find_parts(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any] | None,
    names: ClassNames | None = None,
) -> list[Finding]:
    """All parts that the student's adapter knows, tried one by one.

    The student's weights stay the same. The statistics of its normalisation layers
    move.

    Args:
        student: The student.
        teacher: The teacher.
        batch: The batch of the step; `None` tries no part that needs a step.
        names: The names of the classes of both.

    Raises:
        ValueError: No adapter knows the student.
    """
    with as_value_error('finding the parts of these two models'):
        trained, teacher = student_within(student), teacher_within(teacher)
        known = build_adapter(trained, teacher, names).parts()
    found = _tried(_there(known), student, ModelTeacher(teacher, names=names), batch)
    return [
        Finding(on, reason=part.reason) if isinstance(part, Unavailable) else found[on]
        for on, part in known.items()
    ]


_There: TypeAlias = PairSpec | Callable[..., PairSpec]


def _there(known: Mapping[str, Part]) -> dict[str, _There]:
    return {on: part for on, part in known.items() if not isinstance(part, Unavailable)}


def _tried(
    parts: Mapping[str, _There],
    student: BaseModel,
    teacher: ModelTeacher,
    batch: dict[str, Any] | None,
) -> dict[str, Finding]:
    """The findings of a step with all parts; one by one where that fails."""
    if batch is None:
        reason = 'not tried, as there is no batch to try it on'
        return {
            on: Finding(on, options=options_of(part), reason=reason)
            for on, part in parts.items()
        }
    try:
        return _in_one_step(parts, student, teacher, batch)
    except ValueError as error:
        if len(parts) == 1:
            ((on, part),) = parts.items()
            return {on: Finding(on, options=options_of(part), reason=str(error))}
    return {
        name: finding
        for on, part in parts.items()
        for name, finding in _tried({on: part}, student, teacher, batch).items()
    }


def _in_one_step(
    parts: Mapping[str, _There],
    student: BaseModel,
    teacher: ModelTeacher,
    batch: dict[str, Any],
) -> dict[str, Finding]:
    """The findings of one step with all of these parts.

    Raises:
        ValueError: The step, or one of the parts in it, ends in any exception.
    """
    with as_value_error('the step with this part'):
        columns = {
            on: (part if isinstance(part, PairSpec) else part()).columns
            for on, part in parts.items()
        }
        maker = PairMaker(student, [teacher], {on: Request(on) for on in parts})
        student.train()
        pairs = maker.pairs(batch)
    return {
        on: Finding(
            on,
            _shapes(pairs[on].models()[0]),
            _shapes(pairs[on].models()[1]),
            tuple(maker.bound(on).offers),
            options_of(part),
            columns[on],
        )
        for on, part in parts.items()
    }


def _shapes(value: Tensor | Sequence[Tensor]) -> Shapes:
    levels = [value] if isinstance(value, Tensor) else value
    return tuple(tuple(level.shape) for level in levels)
