"""One term's comparisons, and what its loss gets of them in a step."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.pair_spec import Comparison, Extra, Reading, Step, Value
from ckd_mm.adapters.core.recorder import Recorder, Tap

__all__ = ['Pairing']


class Pairing:
    """The aligned pair of one term, of one comparison or of several levels.

    Args:
        term: The term's name, for messages.
        comparisons: What its `on` means.
        extras: What a loss can ask for in any comparison.
        needs: The names of the extras that its loss asks for.

    Raises:
        ValueError: The comparisons do not have such an extra.
    """

    def __init__(
        self,
        term: str,
        comparisons: Sequence[Comparison],
        extras: Mapping[str, Extra],
        needs: Collection[str],
    ) -> None:
        self._term, self._comparisons, self._needs = term, comparisons, needs
        own = [name for one in comparisons for name in one.extras]
        self.offers = list(dict.fromkeys([*own, *extras]))
        """What a loss can ask for beside student and teacher, by name."""
        missing = [need for need in needs if need not in self.offers]
        if missing:
            raise ValueError(self._lacks(missing))
        self._shared = {need: extras[need] for need in needs if need not in own}

    @property
    def by_teacher(self) -> bool:
        """Whether the rows depend on the teacher."""
        return any(comparison.by_teacher for comparison in self._comparisons)

    @property
    def classes(self) -> list[tuple[int, ...] | None]:
        """Which of the student's classes are compared, where it depends on classes."""
        return [
            one.match.student.indices if one.match is not None else None
            for one in self._comparisons
        ]

    def student_taps(self) -> Iterator[Tap]:
        """Where the student's side and the extras that are asked for are noted."""
        for extra in self._shared.values():
            yield from extra.taps
        for comparison in self._comparisons:
            yield from comparison.student.taps
            yield from comparison.needs
            for name, extra in comparison.extras.items():
                if name in self._needs:
                    yield from extra.taps
            if comparison.drops_rows and comparison.labels is not None:
                yield from comparison.labels.taps

    def teacher_taps(self) -> Iterator[Tap]:
        """Where the teacher's side is noted."""
        for comparison in self._comparisons:
            yield from comparison.teacher.taps

    def pair(self, student: Recorder, teacher: Recorder, step: Step) -> dict[str, Any]:
        """The arguments of the loss: student, teacher and what else it asks for.

        Raises:
            ValueError: A module did not run exactly once in this step, or the student's
                tensor has no gradient.
        """
        return self._arguments(
            [one.read(student, teacher, step) for one in self._comparisons], step
        )

    def pair_with(
        self, student: Recorder, teacher: Value, step: Step
    ) -> dict[str, Any]:
        """The same with a value of the teacher that is known, of all rows."""
        values = [one.value(one.student, student, step) for one in self._comparisons]
        parts = _split(teacher, values)
        return self._arguments(
            [
                one.pair(own, other, step)
                for one, own, other in zip(
                    self._comparisons, values, parts, strict=True
                )
            ],
            step,
        )

    def teacher_side(self, teacher: Recorder, step: Step) -> Value:
        """What `pair` has of the teacher, if it does not choose rows."""
        return _joined(
            [one.value(one.teacher, teacher, step) for one in self._comparisons]
        )

    def check_modules(self, student: BaseModel, teacher: BaseModel) -> None:
        """See that the modules that are named are there.

        Raises:
            ValueError: One is not; near names are suggested.
        """
        for model, taps in (
            (student, self.student_taps()),
            (teacher, self.teacher_taps()),
        ):
            try:
                Recorder(model, taps)
            except ValueError as error:
                raise ValueError(f'term {self._term!r}: {error}') from error

    def check_reachable(self, prefixes: tuple[str, ...]) -> None:
        """See that the teacher is run as far as its taps.

        Raises:
            ValueError: A tap is in none of the modules whose names begin so.
        """
        for tap in self.teacher_taps():
            if not tap.module.startswith(prefixes):
                raise ValueError(
                    f'term {self._term!r}: the teacher is not run as far as module '
                    f'{tap.module!r}; modules in {", ".join(prefixes)} can be compared'
                )

    def _arguments(self, readings: Sequence[Reading], step: Step) -> dict[str, Any]:
        """Both values, and the extras of the rows that were chosen."""
        student = _joined([reading.student for reading in readings])
        levels = (student,) if isinstance(student, Tensor) else student
        if torch.is_grad_enabled() and not any(level.requires_grad for level in levels):
            modules = [repr(one.student.taps[0].module) for one in self._comparisons]
            raise ValueError(
                f'term {self._term!r} cannot train the student: what it takes of '
                f'{", ".join(modules)} has no gradient; the module is frozen, or lies '
                'inside a part with activation checkpointing that PyTorch runs without '
                'a graph (with_cp=True): name the output of that whole part instead'
            )
        found = {name: extra.read(step) for name, extra in self._shared.items()}
        for comparison, reading in zip(self._comparisons, readings, strict=True):
            for name in self._needs:
                if name in comparison.extras:
                    found[name] = comparison.extra(name, step, reading)
        teacher = _joined([reading.teacher for reading in readings])
        return {'student': student, **found, 'teacher': teacher}

    def _lacks(self, missing: Sequence[str]) -> str:
        reasons = [
            f'; {one.without[need]}'
            for one in self._comparisons
            for need in missing
            if need in one.without
        ]
        return (
            f'the loss of term {self._term!r} needs {", ".join(map(repr, missing))}, '
            'which this pair does not have; it has '
            + ', '.join(['student', 'teacher', *self.offers])
            + ''.join(reasons)
        )


def _joined(values: list[Value]) -> Value:
    """The levels of all parts; one part stays what it is."""
    if len(values) == 1:
        return values[0]
    parts = [(part,) if isinstance(part, Tensor) else part for part in values]
    return tuple(itertools.chain.from_iterable(parts))


def _split(joined: Value, like: Sequence[Value]) -> list[Value]:
    """Levels of all parts, as many for each part as it has in the other model."""
    if len(like) == 1:
        return [joined]
    levels = iter((joined,) if isinstance(joined, Tensor) else joined)
    return [
        next(levels)
        if isinstance(one, Tensor)
        else tuple(itertools.islice(levels, len(one)))
        for one in like
    ]
