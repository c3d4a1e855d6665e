"""One term, bound to a student and a teacher: what its loss gets of them in a step."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.context import way_out_without
from ckd_mm.adapters.core.levels import same_value
from ckd_mm.adapters.core.loss_fit import LossFit, offers_of
from ckd_mm.adapters.core.pair_spec import (
    AlignedRows,
    Context,
    PairSpec,
    TeacherContext,
    Value,
)
from ckd_mm.adapters.core.recorder import Recorder, Tap
from ckd_mm.adapters.core.step import Step

__all__ = ['BoundTerm', 'Pair']


@dataclass(frozen=True)
class Pair:
    """What a loss gets in one step.

    Args:
        student: A tensor, or a tuple of feature maps by level.
        teacher: The same of the teacher; `None` for a loss of the student alone.
        context: What else the loss asks for, by name.
    """

    student: Value
    teacher: Value | None
    context: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the loss, by name."""
        of_teacher = {} if self.teacher is None else {'teacher': self.teacher}
        return {'student': self.student, **self.context, **of_teacher}

    def models(self) -> tuple[Value, ...]:
        """The value of the student, and that of the teacher if there is one."""
        of_teacher = () if self.teacher is None else (self.teacher,)
        return (self.student, *of_teacher)


class BoundTerm:
    """The aligned pair of one term, of one part or of several as levels.

    Args:
        term: The term's name, for messages.
        specs: What its `on` means.
        shared: The context that every part of the adapter has, by name.
        context_names: The context that its loss asks for.
        fit: Whether a loss takes what the pair is.

    """

    def __init__(
        self,
        term: str,
        specs: Sequence[PairSpec],
        shared: Mapping[str, Context],
        context_names: Collection[str],
        fit: LossFit,
    ) -> None:
        self._term, self._specs, self._names = term, specs, context_names
        self.context_names = context_names
        self.fit = fit
        self.offers = offers_of(specs, shared)
        """What a loss can ask for beside student and teacher, by name."""
        of_parts = [name for spec in specs for name in spec.context]
        self._shared = {
            name: shared[name]
            for name in context_names
            if name in self.offers and name not in of_parts
        }

    @property
    def by_teacher(self) -> bool:
        """Whether the rows depend on the teacher."""
        return any(spec.by_teacher for spec in self._specs)

    @property
    def chooses(self) -> bool:
        """Whether some rows are chosen, of both models."""
        return any(spec.choose is not None for spec in self._specs)

    @property
    def crossed(self) -> bool:
        """Whether the teacher's modules run on the student's tensors."""
        return any(spec.crossed for spec in self._specs)

    @property
    def of_one_teacher(self) -> list[str]:
        """What of its context each teacher has another one of, by name."""
        return [
            name
            for name in self._names
            if any(
                name in spec.context and spec.context[name].of_teacher
                for spec in self._specs
            )
        ]

    @property
    def runs_beside(self) -> bool:
        """Whether it reads modules in a run beside the models' own forwards."""
        taps = [*self.student_taps(), *self.teacher_taps()]
        return self.crossed or any(tap.run is not None for tap in taps)

    @property
    def is_one_value(self) -> bool:
        """Whether student and teacher, if they are one model, have the same value."""
        return all(same_value(spec.student, spec.teacher) for spec in self._specs)

    @property
    def connector(self) -> nn.Module | None:
        """What is trained between the student's maps and the teacher, if anything."""
        found = (one.connector for one in self._specs if one.connector is not None)
        return next(found, None)

    @property
    def classes(self) -> list[tuple[int, ...] | None]:
        """Which of the student's classes are compared, where it depends on classes."""
        return [
            spec.match.student.indices if spec.match is not None else None
            for spec in self._specs
        ]

    @property
    def of_labels(self) -> list[str]:
        """What of its context is read from labels, by name."""
        asked: list[tuple[str, Context | TeacherContext]] = [*self._shared.items()]
        for spec in self._specs:
            asked += [
                (name, spec.context[name])
                for name in self._names
                if name in spec.context
            ]
            if spec.drops_rows and spec.labels is not None:
                asked.append(('the class of each row', spec.labels))
        return [name for name, context in asked if context.of_labels]

    def student_taps(self) -> Iterator[Tap]:
        """Where the student's value and the context that is asked for are noted."""
        for context in self._shared.values():
            yield from context.taps
        for spec in self._specs:
            yield from spec.student_taps(self._names)

    def teacher_taps(self) -> Iterator[Tap]:
        """Where the teacher's value and the context that is asked for are noted."""
        for spec in self._specs:
            yield from spec.teacher_taps(self._names)

    def pair(self, step: Step, teacher: Recorder) -> Pair:
        """What the loss gets.

        Raises:
            ValueError: A module did not run exactly once in this step, or the student's
                tensor has no gradient.
        """
        aligned = [spec.read(step, teacher) for spec in self._specs]
        return self._joined(aligned, step, teacher)

    def pair_with(self, step: Step, teacher: Value) -> Pair:
        """The same with a value of the teacher that is known, such as of a cache."""
        values = [spec.value(spec.student, step.student, step) for spec in self._specs]
        found = zip(self._specs, values, _split(teacher, values), strict=True)
        return self._joined(
            [spec.align(student, value, step) for spec, student, value in found],
            step,
            None,
        )

    def student_value(self, step: Step) -> Value:
        """What `pair` has of the student, if rows are not chosen."""
        return _levels_of_all(
            [spec.value(spec.student, step.student, step) for spec in self._specs]
        )

    def teacher_value(self, step: Step, teacher: Recorder) -> Value:
        """What `pair` has of the teacher, if it does not choose rows."""
        return _levels_of_all(
            [spec.value(spec.teacher, teacher, step) for spec in self._specs]
        )

    def check_context(self) -> None:
        """Check that the pair has what is asked for.

        Raises:
            ValueError: The parts do not have such a context.
        """
        lacking = [name for name in self._names if name not in self.offers]
        if lacking:
            raise ValueError(self._lacks(lacking))

    def check_modules(self, student: BaseModel, teacher: BaseModel) -> None:
        """Check that the modules that are named exist.

        Raises:
            ValueError: One does not; near names are suggested.
        """
        for model, taps in (
            (student, [*self.student_taps()]),
            (teacher, [*self.teacher_taps()]),
        ):
            try:
                Recorder(model, taps)
            except ValueError as error:
                hint = self._no_module(model, taps)
                raise ValueError(f'term {self._term!r}: {error}{hint}') from error

    def _no_module(self, model: BaseModel, taps: Sequence[Tap]) -> str:
        """What to write if a part was named where modules are; else empty."""
        modules = dict(model.named_modules())
        missing = [tap.module for tap in taps if tap.module not in modules]
        names = [repr(name) for name in missing if name in self.fit.known]
        return f'; a part is compared with on={names[0]}' if names else ''

    def _joined(
        self, aligned: Sequence[AlignedRows], step: Step, teacher: Recorder | None
    ) -> Pair:
        """The values of all parts, and the context of the rows that were chosen."""
        student = _levels_of_all([one.student for one in aligned])
        self._check_gradient(student)
        found = {name: context.read(step) for name, context in self._shared.items()}
        for spec, one in zip(self._specs, aligned, strict=True):
            for name in self._names:
                if name in spec.context:
                    found[name] = spec.context_of(name, step, one, teacher)
        return Pair(student, _levels_of_all([one.teacher for one in aligned]), found)

    def _check_gradient(self, student: Value) -> None:
        levels = (student,) if isinstance(student, Tensor) else student
        if torch.is_grad_enabled() and not any(level.requires_grad for level in levels):
            modules = [repr(spec.student.taps[0].module) for spec in self._specs]
            raise ValueError(
                f'term {self._term!r} cannot train the student: what it takes of '
                f'{", ".join(modules)} has no gradient; the module is frozen, or lies '
                'inside a part with activation checkpointing that PyTorch runs without '
                'a graph (with_cp=True): name the output of that whole part instead'
            )

    def _lacks(self, names: Sequence[str]) -> str:
        reasons = [
            f'; {spec.missing_context[name]}'
            for spec in self._specs
            for name in names
            if name in spec.missing_context
        ]
        ways = dict.fromkeys(map(way_out_without, names))
        return (
            f'term {self._term!r} needs {", ".join(map(repr, names))}, '
            'which this pair does not have; it has '
            + ', '.join(['student', 'teacher', *self.offers])
            + ''.join(reasons)
            + f'; {", or ".join(ways)}'
        )


def _levels_of_all(values: list[Value]) -> Value:
    """The levels of all parts; one part stays what it is."""
    if len(values) == 1:
        return values[0]
    parts = [(part,) if isinstance(part, Tensor) else part for part in values]
    return tuple(itertools.chain.from_iterable(parts))


def _split(teacher: Value, student_parts: Sequence[Value]) -> list[Value]:
    """The teacher's levels by part, as many for each part as the student has."""
    if len(student_parts) == 1:
        return [teacher]
    levels = iter((teacher,) if isinstance(teacher, Tensor) else teacher)
    return [
        next(levels)
        if isinstance(one, Tensor)
        else tuple(itertools.islice(levels, len(one)))
        for one in student_parts
    ]
