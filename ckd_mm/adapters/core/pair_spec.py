"""What one `on` means: how student and teacher are read, and the context."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from ckd_mm.adapters.core.class_logits import Columns, Pixels
from ckd_mm.adapters.core.class_match import ClassMatch
from ckd_mm.adapters.core.context import Context, TeacherContext
from ckd_mm.adapters.core.recorder import Recorder, Tap
from ckd_mm.adapters.core.step import Step

__all__ = [
    'AlignedRows',
    'Context',
    'PairSpec',
    'Part',
    'Readout',
    'TeacherContext',
    'Unavailable',
    'Value',
]

Value: TypeAlias = Tensor | tuple[Tensor, ...]
"""One tensor, or one for each level of a pyramid, fine to coarse."""


def _first(values: list[Any], step: Step) -> Any:
    return values[0]


@dataclass(frozen=True)
class Readout:
    """How the value of the student or of the teacher is made of taps.

    Args:
        taps: Where it is noted, each of a module that runs once in a step.
        select: Makes the value of what the taps noted, in their order.
        may_skip: Whether modules may stay out of a step; `select` then gets a `None`.
        select_rows: Makes some rows of the value, given their indices. `None`: all rows
            are made by `select`, and some of them are taken.
        num_levels: Of feature maps, how many there are, if that is known before a step.
    """

    taps: tuple[Tap, ...]
    select: Callable[[list[Any], Step], Any] = _first
    may_skip: bool = False
    select_rows: Callable[[list[Any], Tensor], Tensor] | None = None
    num_levels: int | None = None

    def noted(self, recorder: Recorder) -> list[Any]:
        """What each tap noted.

        Raises:
            ValueError: A module did not run exactly once in this step.
        """
        return [self._call(recorder, tap) for tap in self.taps]

    def rows(self, values: list[Any], which: Tensor, step: Step) -> Tensor:
        """Some rows of what is compared."""
        if self.select_rows is not None:
            return self.select_rows(values, which)
        return self.select(values, step).index_select(0, which)

    def _call(self, recorder: Recorder, tap: Tap) -> Any:
        calls = recorder.calls(tap)
        if not calls and self.may_skip:
            return None
        if len(calls) != 1:
            raise ValueError(
                f'module {tap.module!r} ran {len(calls)} times in one step, and a term '
                'needs a module that runs once; name one that does'
            )
        return calls[0]


class AlignedRows(NamedTuple):
    """Both values of one :class:`PairSpec` in one step.

    `rows` are the indices of the student's rows among all that it has; `None` is all.
    `repeats` is how many rows each has become.
    """

    student: Value
    teacher: Value
    rows: Tensor | None = None
    repeats: int = 1


@dataclass(frozen=True)
class PairSpec:
    """What one `on` means.

    Args:
        student: How the student's value is read.
        teacher: How the teacher's is.
        levels: Whether the values are tuples of feature maps rather than one tensor.
        context: What a loss can ask for by name in its `forward` signature, beside what
            every part of the adapter has.
        missing_context: Why a loss cannot ask for some names, by name, also for those
            that every part of the adapter has.
        choose: Gives the rows that are compared, as indices into all rows of the
            student and of the teacher, from what the taps of both noted. The context
            is then of all rows of the student, and the same rows of it are taken.
        also_taps: What is read of the student beside its value.
        by_teacher: Whether the choice of rows depends on the teacher. Two teachers then
            have different rows.
        match: The classes in common, where the values depend on classes.
        columns: For logits, what their columns are, and what is compared of them.
        labels: The class of each of the student's rows. Rows of classes that the
            teacher lacks are left out by it. `None` where they cannot be told.
        crossed: Whether the student's value is what the teacher's modules make of the
            student's tensors. Its taps are then of the teacher, each in a run of
            :attr:`ckd_mm.adapters.core.passes.Pass.crosses`, and so are its classes.
        connector: What the student's tensors go through first, if a layer is trained
            between them and the teacher's modules.
        gives: What the values are, where neither `levels` nor `columns` says it.
    """

    student: Readout
    teacher: Readout
    levels: bool = False
    context: Mapping[str, Context | TeacherContext] = field(default_factory=dict)
    missing_context: Mapping[str, str] = field(default_factory=dict)
    choose: Callable[[list[Any], list[Any], Step], tuple[Tensor, Tensor]] | None = None
    also_taps: tuple[Tap, ...] = ()
    by_teacher: bool = False
    match: ClassMatch | None = None
    columns: Columns | Pixels | None = None
    labels: Context | None = None
    crossed: bool = False
    connector: nn.Module | None = None
    gives: Literal['rows', 'maps', 'boxes', 'box deltas'] = 'rows'

    @property
    def drops_rows(self) -> bool:
        """Whether rows of classes that the teacher lacks are left out."""
        lacks = self.match is not None and self.match.student.is_partial
        return lacks and self.labels is not None

    def student_taps(self, context_names: Collection[str]) -> Iterator[Tap]:
        """Where the student is noted, for a loss that asks for this context."""
        if not self.crossed:
            yield from self.student.taps
        yield from self.also_taps
        for name, context in self.context.items():
            if name in context_names:
                yield from context.taps
        if self.drops_rows and self.labels is not None:
            yield from self.labels.taps

    def teacher_taps(self, context_names: Collection[str]) -> Iterator[Tap]:
        """Where the teacher is noted, for a loss that asks for this context."""
        yield from self.teacher.taps
        for name, context in self.context.items():
            if name in context_names and isinstance(context, TeacherContext):
                yield from context.teacher_taps
        if self.crossed:
            yield from self.student.taps

    def read(self, step: Step, teacher: Recorder) -> AlignedRows:
        """Both values.

        Raises:
            ValueError: A module did not run exactly once in this step, or it does not
                return what can be compared.
        """
        student = teacher if self.crossed else step.student
        if self.choose is None:
            of_student = self.value(self.student, student, step)
            of_teacher = self.value(self.teacher, teacher, step)
            return self.align(of_student, of_teacher, step)
        student_notes = self.student.noted(student)
        teacher_notes = self.teacher.noted(teacher)
        with torch.no_grad():
            rows, teacher_rows = self.choose(student_notes, teacher_notes, step)
        return self.align(
            self.student.rows(student_notes, rows, step),
            self.teacher.rows(teacher_notes, teacher_rows, step),
            step,
            rows,
        )

    def align(
        self, student: Value, teacher: Value, step: Step, rows: Tensor | None = None
    ) -> AlignedRows:
        """What is compared of both values: the rows and classes in common.

        Args:
            student: The student's value.
            teacher: The teacher's, of the same rows.
            step: The student's step.
            rows: Which of the student's rows these are; `None` is all.
        """
        if self.drops_rows:
            known = self._known(rows, step)
            rows = known if rows is None else rows[known]
            student, teacher = (
                _of_each(lambda one: one[known], value) for value in (student, teacher)
            )
        if self.columns is None:
            return AlignedRows(student, teacher, rows)
        of_student = self.columns.teacher if self.crossed else self.columns.student
        compared = _of_each(of_student, student)
        repeats = len(compared) // len(student) if len(student) else 1
        wanted = _of_each(self.columns.teacher, teacher)
        return AlignedRows(compared, wanted, rows, repeats)

    def context_of(
        self, name: str, step: Step, aligned: AlignedRows, teacher: Recorder | None
    ) -> Any:
        """The context of the rows that are compared, in the classes in common."""
        context = self.context[name]
        if isinstance(context, Context) and context.of_teacher:
            return context.read(step)
        if isinstance(context, TeacherContext):
            assert teacher is not None  # a cache refuses it before training
            with torch.no_grad():
                value = context.read(Readout(context.teacher_taps).noted(teacher), step)
        else:
            value = context.read(step)
        if aligned.rows is not None:
            value = value.index_select(0, aligned.rows)
        if self.columns is None:
            return value
        return self.columns.align_context(name, value, aligned.repeats)

    def _known(self, rows: Tensor | None, step: Step) -> Tensor:
        """Which of the rows have a class that the teacher has."""
        assert self.match is not None and self.labels is not None
        labels = self.labels.read(step)
        return self.match.known_rows(labels if rows is None else labels[rows])

    def value(self, readout: Readout, recorder: Recorder, step: Step) -> Value:
        """All rows, or all feature maps, of the student or of the teacher.

        Raises:
            ValueError: As for :meth:`read`.
        """
        value = readout.select(readout.noted(recorder), step)
        if self.levels:
            return _levels(readout.taps[0].module, value)
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Tensor):
            raise ValueError(
                f'module {readout.taps[0].module!r} returns a {type(value).__name__}, '
                'and a term needs one tensor; name a module inside it that returns one'
            )
        return value


def _of_each(change: Callable[[Tensor], Tensor], value: Value) -> Value:
    """What becomes of a tensor, or of that of each level."""
    return change(value) if isinstance(value, Tensor) else tuple(map(change, value))


def _levels(module: str, value: Any) -> tuple[Tensor, ...]:
    """Feature maps by level.

    Raises:
        ValueError: They are something else, such as the pairs of DeiT's backbone.
    """
    levels = (value,) if isinstance(value, Tensor) else tuple(value)
    wrong = next((one for one in levels if not isinstance(one, Tensor)), None)
    if wrong is not None:
        raise ValueError(
            f'module {module!r} returns a {type(value).__name__} of '
            f'{type(wrong).__name__}, and a term needs a tensor for each level; name a '
            'module inside it that returns one'
        )
    return levels


@dataclass(frozen=True)
class Unavailable:
    """A part that this family of models has, and why it cannot be compared here."""

    reason: str

    @classmethod
    def where_lacking(
        cls, what: str, *, student: bool, teacher: bool
    ) -> Unavailable | None:
        """The reason if the student or the teacher lacks it, else `None`."""
        lacks = {'student': student, 'teacher': teacher}
        reasons = [f'the {whose} has no {what}' for whose in lacks if lacks[whose]]
        return cls(' and '.join(reasons)) if reasons else None


Part: TypeAlias = PairSpec | Callable[..., PairSpec] | Unavailable
"""What a name for `on` stands for; a function takes the options of that part."""
