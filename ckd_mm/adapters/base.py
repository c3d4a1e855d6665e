"""What all adapters share: which taps an `on` means, and the pair read from them.

An adapter of a task names what can be compared between two models (`comparisons`) and
knows how to run a teacher on the student's step, only as far as the terms need it
(`run_teacher`).
Both sides are read in the same way: taps on modules, the student's filled by its own
forward, the teacher's by `run_teacher`.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.comparison import Comparison, Extra, Step, Value
from ckd_mm.recorders import Recorder, Tap
from ckd_mm.registry import did_you_mean

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
        self._terms = {
            term: [self._resolve(part, known) for part in _parts(on)]
            for term, (on, _) in wanted.items()
        }
        self._extras = {
            term: self._wanted_extras(term, needs)
            for term, (_, needs) in wanted.items()
        }
        for term, comparisons in self._terms.items():
            for comparison in comparisons:
                self._check_classes(term, comparison.num_classes)
        student_taps = [comparison.student for comparison in self._all()]
        for extras in self._extras.values():
            student_taps += [tap for extra in extras.values() for tap in extra.taps]
        self.student_recorder = Recorder(student, student_taps + self.student_taps())
        self.teacher_recorder = Recorder(
            teacher, [comparison.teacher for comparison in self._all()]
        )
        for term, comparisons in self._terms.items():
            for comparison in comparisons:
                self._check_reachable(term, comparison.teacher)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        """Whether this adapter knows models of this type."""
        raise NotImplementedError

    def comparisons(self) -> dict[str, Comparison]:
        """What can be compared between these two models, by the name for `on`.

        `backbone` and `neck`: all feature maps that they return, (N, C, H, W) each.
        """
        models = (self.student, self.teacher)
        return {
            name: Comparison(Tap(name), Tap(name), levels=True)
            for name in ('backbone', 'neck')
            if all(getattr(model, name, None) is not None for model in models)
        }

    def extras(self) -> dict[str, Extra]:
        """What a loss can ask for in any comparison; `epoch`: see :class:`Step`."""
        return {'epoch': Extra(lambda step: step.epoch)}

    def student_taps(self) -> list[Tap]:
        """What `run_teacher` needs from the student's forward."""
        return []

    def run_teacher(self, inputs: Tensor, step: Step) -> None:
        """Run the teacher on its own inputs, as far as its taps need it."""
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
    def note_teacher(self, inputs: Tensor, step: Step) -> None:
        """Run the teacher once for all terms, in eval mode and without gradient."""
        self.teacher.eval()  # whoever has called train() since the last step
        self.teacher_recorder.open()
        self.run_teacher(inputs, step)
        self.teacher_recorder.close()

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
        student = self.student_side(term, step)
        return {**student, 'teacher': self.teacher_side(term, step)}

    def teacher_side(self, term: str, step: Step) -> Value:
        """What `pair` has of the teacher."""
        recorder = self.teacher_recorder
        return _joined(
            [one.read(recorder, one.teacher, step) for one in self._terms[term]]
        )

    def student_side(self, term: str, step: Step) -> dict[str, Any]:
        """What `pair` has beside the teacher's tensor."""
        comparisons = self._terms[term]
        student = _joined(
            [one.read(self.student_recorder, one.student, step) for one in comparisons]
        )
        levels = (student,) if isinstance(student, Tensor) else student
        if torch.is_grad_enabled() and not any(level.requires_grad for level in levels):
            names = ', '.join(repr(one.student.module) for one in comparisons)
            raise ValueError(
                f'term {term!r} cannot train the student: what it takes of {names} has '
                'no gradient; the module is frozen, or lies inside a part with '
                'activation checkpointing that PyTorch runs without a graph '
                '(with_cp=True): name the output of that whole part instead'
            )
        extras = {name: extra.read(step) for name, extra in self._extras[term].items()}
        return {'student': student, **extras}

    def extract(self, inputs: Tensor) -> Any:
        """The teacher's feature maps; its neck only runs if a term needs more."""
        names = (f'{tap.module}.' for tap in self.teacher_recorder.taps)
        if all(name.startswith('backbone.') for name in names):
            return self.teacher.backbone(inputs)
        return self.teacher.extract_feat(inputs)

    def runs(self, prefix: str) -> bool:
        """Whether any tap of the teacher lies in the module of this name."""
        return any(
            f'{tap.module}.'.startswith(f'{prefix}.')
            for tap in self.teacher_recorder.taps
        )

    def _all(self) -> Iterator[Comparison]:
        for comparisons in self._terms.values():
            yield from comparisons

    def _resolve(self, on: Any, known: Mapping[str, Comparison]) -> Comparison:
        if isinstance(on, str) and on in known:
            return known[on]
        if isinstance(on, str) and on.startswith('module:'):
            name = on.removeprefix('module:')
            return Comparison(Tap(name), Tap(name))
        if isinstance(on, dict) and set(on) == {'student', 'teacher'}:
            return Comparison(Tap(on['student']), Tap(on['teacher']))
        models = ' and '.join(type(m).__name__ for m in (self.student, self.teacher))
        raise ValueError(
            f'unknown on={on!r} for {models}{did_you_mean(str(on), known)}; any two '
            "modules are compared with on='module:NAME' or "
            'on=dict(student=NAME, teacher=NAME), several parts with a list of these'
        )

    def _wanted_extras(self, term: str, needs: Collection[str]) -> dict[str, Extra]:
        """What the loss of a term asks for beside student and teacher."""
        extras = self.extras()
        for comparison in self._terms[term]:
            extras.update(comparison.extras)
        missing = [need for need in needs if need not in extras]
        if missing:
            raise ValueError(
                f'the loss of term {term!r} needs {", ".join(map(repr, missing))}, '
                'which this pair does not have; it has student, teacher'
                + ''.join(f', {name}' for name in extras)
            )
        return {need: extras[need] for need in needs}

    def _check_reachable(self, term: str, tap: Tap) -> None:
        if not tap.module.startswith(self.reachable):
            raise ValueError(
                f'term {term!r}: the teacher is not run as far as module '
                f'{tap.module!r}; modules in {", ".join(self.reachable)} can be '
                'compared'
            )

    def _check_classes(self, term: str, path: str | None) -> None:
        if path is None:
            return
        student = self.student
        if not self.supports(self.teacher):
            raise ValueError(
                f'term {term!r} compares class logits, but the student is a '
                f'{type(student).__name__} and the teacher a '
                f'{type(self.teacher).__name__}, whose rows cannot be aligned with it; '
                'compare feature maps with on=dict(student=NAME, teacher=NAME)'
            )
        counts = [_attribute(model, path) for model in (student, self.teacher)]
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
