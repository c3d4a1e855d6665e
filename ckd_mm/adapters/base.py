"""What all adapters share: which taps an `on` means, and the pair read from them.

An adapter of a task names what can be compared between two models (`comparisons`) and
knows how to run a teacher on the student's step, only as far as the terms need it
(`extract` and `run_teacher`).
Both sides are read in the same way: taps on modules, the student's filled by its own
forward, the teacher's by `run_teacher`.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.comparison import (
    Comparison,
    Extra,
    Missing,
    Part,
    Side,
    Step,
    Value,
)
from ckd_mm.adapters.parts import resolve
from ckd_mm.recorders import Recorder, Tap

__all__ = ['Adapter']


class Adapter:
    """Aligned pairs of student and teacher tensors, from one step of the student.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher, frozen.
        wanted: Per term its `on` and the names of the extras its loss asks for.

    Raises:
        ValueError: An `on` or a module name that does not exist here, an extra that the
            pair does not have, or models whose classes differ.
    """

    reachable: ClassVar[tuple[str, ...]] = ('',)
    """Prefixes of the teacher's modules that `run_teacher` can run."""

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        wanted: Mapping[str, tuple[Any, Collection[str]]],
    ) -> None:
        self.student, self.teacher = student, teacher
        known = self.comparisons()
        models = ' and '.join(type(model).__name__ for model in (student, teacher))
        self._terms = {
            term: [resolve(part, known, self.modules, models) for part in _parts(on)]
            for term, (on, _) in wanted.items()
        }
        self._shared = {
            term: self._wanted_extras(term, needs)
            for term, (_, needs) in wanted.items()
        }
        self._needs = {term: needs for term, (_, needs) in wanted.items()}
        for term, comparisons in self._terms.items():
            for comparison in comparisons:
                self._check_classes(term, comparison)
        self.student_recorder = Recorder(
            student, [*self._own_taps(), *self.student_taps()]
        )
        self.teacher_recorder = Recorder(
            teacher, [tap for one in self._all() for tap in one.teacher.taps]
        )
        for term, comparisons in self._terms.items():
            for comparison in comparisons:
                self._check_reachable(term, comparison.teacher.taps)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        """Whether this adapter knows models of this type."""
        raise NotImplementedError

    def comparisons(self) -> dict[str, Part]:
        """What can be compared between these two models, by the name for `on`.

        `backbone` and `neck`: all feature maps that they return, (N, C, H, W) each.
        """
        known: dict[str, Part] = {}
        for name in ('backbone', 'neck'):
            lacking = [
                f'the {whose} has none'
                for whose in ('student', 'teacher')
                if getattr(getattr(self, whose), name, None) is None
            ]
            side = Side((Tap(name),))
            known[name] = (
                Missing(' and '.join(lacking))
                if lacking
                else Comparison(side, side, levels=True)
            )
        return known

    def modules(self, student: str, teacher: str) -> Comparison:
        """The comparison of what two modules return."""
        return Comparison(Side((Tap(student),)), Side((Tap(teacher),)))

    def extras(self) -> dict[str, Extra]:
        """What a loss can ask for in any comparison; `epoch`: see :class:`Step`."""
        return {'epoch': Extra(lambda step: step.epoch)}

    def student_taps(self) -> list[Tap]:
        """What `run_teacher` needs from the student's forward."""
        return []

    def extract(self, inputs: Tensor) -> Any:
        """The teacher's feature maps, which need nothing of the student's step.

        Its neck only runs if a term needs more than the backbone.
        """
        names = (f'{tap.module}.' for tap in self.teacher_recorder.taps)
        if all(name.startswith('backbone.') for name in names):
            return self.teacher.backbone(inputs)
        return self.teacher.extract_feat(inputs)

    def run_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        """Run what follows its feature maps, as far as the teacher's taps need it."""
        raise NotImplementedError

    def attach(self) -> None:
        """Put the forward hooks onto both models."""
        self.student_recorder.attach()
        self.teacher_recorder.attach()

    def detach(self) -> None:
        """Take the forward hooks off both models."""
        self.student_recorder.detach()
        self.teacher_recorder.detach()

    @torch.no_grad()
    def note_features(self, inputs: Tensor) -> Any:
        """Begin the one run of the teacher, in eval mode and without gradient.

        Returns:
            Its feature maps, for :meth:`note_teacher`.
        """
        self.teacher.eval()  # whoever has called train() since the last step
        self.teacher_recorder.open()
        return self.extract(inputs)

    @torch.no_grad()
    def note_teacher(self, inputs: Tensor, features: Any, step: Step) -> None:
        """Go on with it after the student's forward."""
        self.run_teacher(inputs, features, step)
        self.teacher_recorder.close()

    def note_student(self, step: Step) -> None:
        """Run some of the student's modules once more, if a term needs that."""

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.student_recorder.forget()
        self.teacher_recorder.forget()

    def pair(self, term: str, step: Step) -> dict[str, Any]:
        """The arguments of a term's loss: student, teacher and what else it asks for.

        Both are a tensor each, or a tuple of feature maps by level.

        Raises:
            ValueError: A module of the term did not run exactly once in this step, or
                the student's tensor has no gradient.
        """
        recorders = (self.student_recorder, self.teacher_recorder)
        readings = [one.read(*recorders, step) for one in self._terms[term]]
        own = [(reading.student, reading.rows) for reading in readings]
        teacher = _joined([reading.teacher for reading in readings])
        return {**self._student_side(term, own, step), 'teacher': teacher}

    def student_side(self, term: str, step: Step) -> dict[str, Any]:
        """What `pair` has beside the teacher, for terms that do not choose rows."""
        own = [
            (one.value(one.student, self.student_recorder, step), None)
            for one in self._terms[term]
        ]
        return self._student_side(term, own, step)

    def teacher_side(self, term: str, step: Step) -> Value:
        """What `pair` has of the teacher, for terms that do not choose rows."""
        recorder = self.teacher_recorder
        return _joined(
            [one.value(one.teacher, recorder, step) for one in self._terms[term]]
        )

    def _student_side(
        self, term: str, own: Sequence[tuple[Value, Tensor | None]], step: Step
    ) -> dict[str, Any]:
        """The student's values, and the extras of the rows that were chosen."""
        comparisons = self._terms[term]
        student = _joined([value for value, _ in own])
        levels = (student,) if isinstance(student, Tensor) else student
        if torch.is_grad_enabled() and not any(level.requires_grad for level in levels):
            names = ', '.join(repr(one.student.taps[0].module) for one in comparisons)
            raise ValueError(
                f'term {term!r} cannot train the student: what it takes of {names} has '
                'no gradient; the module is frozen, or lies inside a part with '
                'activation checkpointing that PyTorch runs without a graph '
                '(with_cp=True): name the output of that whole part instead'
            )
        extras = self._read_extras(term, [rows for _, rows in own], step)
        return {'student': student, **extras}

    def offers(self, term: str) -> list[str]:
        """What the loss of a term can ask for beside student and teacher, by name."""
        own = [name for one in self._terms[term] for name in one.extras]
        return list(dict.fromkeys([*own, *self.extras()]))

    def is_by_teacher(self, term: str) -> bool:
        """Whether the rows of a term depend on the teacher."""
        return any(comparison.by_teacher for comparison in self._terms[term])

    def runs(self, prefix: str) -> bool:
        """Whether any tap of the teacher lies in the module of this name."""
        return any(
            f'{tap.module}.'.startswith(f'{prefix}.')
            for tap in self.teacher_recorder.taps
        )

    def _all(self) -> Iterator[Comparison]:
        for comparisons in self._terms.values():
            yield from comparisons

    def _own_taps(self) -> Iterator[Tap]:
        for term, comparisons in self._terms.items():
            for extra in self._shared[term].values():
                yield from extra.taps
            for comparison in comparisons:
                yield from comparison.student.taps
                yield from comparison.needs
                for name, extra in comparison.extras.items():
                    if name in self._needs[term]:
                        yield from extra.taps

    def _wanted_extras(self, term: str, needs: Collection[str]) -> dict[str, Extra]:
        """What the loss of a term asks for that every comparison has."""
        shared, comparisons = self.extras(), self._terms[term]
        own = {name: None for one in comparisons for name in one.extras}
        missing = [need for need in needs if need not in {**shared, **own}]
        if missing:
            reasons = [
                f'; {one.without[need]}'
                for one in comparisons
                for need in missing
                if need in one.without
            ]
            raise ValueError(
                f'the loss of term {term!r} needs {", ".join(map(repr, missing))}, '
                'which this pair does not have; it has student, teacher'
                + ''.join(f', {name}' for name in {**shared, **own})
                + ''.join(reasons)
            )
        return {need: shared[need] for need in needs if need not in own}

    def _read_extras(
        self, term: str, chosen: Sequence[Tensor | None], step: Step
    ) -> dict[str, Any]:
        found = {name: extra.read(step) for name, extra in self._shared[term].items()}
        for comparison, rows in zip(self._terms[term], chosen, strict=True):
            for name in self._needs[term]:
                if name in comparison.extras:
                    value = comparison.extras[name].read(step)
                    found[name] = value if rows is None else value.index_select(0, rows)
        return found

    def _check_reachable(self, term: str, taps: tuple[Tap, ...]) -> None:
        for tap in taps:
            if not tap.module.startswith(self.reachable):
                raise ValueError(
                    f'term {term!r}: the teacher is not run as far as module '
                    f'{tap.module!r}; modules in {", ".join(self.reachable)} can be '
                    'compared'
                )

    def _check_classes(self, term: str, comparison: Comparison) -> None:
        sides = (comparison.student, comparison.teacher)
        if not all(side.num_classes for side in sides):
            return
        student, teacher = self.student, self.teacher
        if not self.supports(teacher):
            raise ValueError(
                f'term {term!r} compares class logits, but the student is a '
                f'{type(student).__name__} and the teacher a '
                f'{type(teacher).__name__}, whose rows cannot be aligned with it; '
                'compare feature maps with on=dict(student=NAME, teacher=NAME)'
            )
        counts = [
            _attribute(model, side.num_classes)
            for model, side in zip((student, teacher), sides, strict=True)
        ]
        if None not in counts and counts[0] != counts[1]:
            raise ValueError(
                f'term {term!r} compares class logits, but the student has {counts[0]} '
                f'classes and the teacher {counts[1]}; take a teacher trained on the '
                "student's classes"
            )


def _parts(on: Any) -> list[Any]:
    return on if isinstance(on, list) and on else [on]


def _joined(values: list[Value]) -> Value:
    """The levels of all parts; one part stays what it is."""
    if len(values) == 1:
        return values[0]
    parts = [(part,) if isinstance(part, Tensor) else part for part in values]
    return tuple(itertools.chain.from_iterable(parts))


def _attribute(model: BaseModel, path: str) -> Any:
    try:
        return attrgetter(path)(model)
    except AttributeError:
        return None
