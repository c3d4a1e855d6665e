"""What all adapters share: which taps an `on` means, and the pair read from them.

An adapter of a task names what can be compared there (`comparisons`) and knows how to
run a teacher on the student's step, only as far as the terms need it (`run_teacher`).
Both sides are read in the same way: taps on modules, the student's filled by its own
forward, the teacher's by `run_teacher`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.recorders import Recorder, Tap
from ckd_mm.registry import did_you_mean

__all__ = ['Adapter', 'Comparison', 'Extra', 'Step']


@dataclass(frozen=True)
class Step:
    """One training step of the student: what its forward got, and what was noted in it.

    Args:
        inputs: The preprocessed batch (N, 3, H, W).
        data_samples: The N data samples that came with it.
        noted: Reads all calls of a student tap.
    """

    inputs: Tensor
    data_samples: Sequence[Any]
    noted: Callable[[Tap], list[Any]]


@dataclass(frozen=True)
class Extra:
    """What a pair can carry beside the two tensors; made only if a loss asks."""

    read: Callable[[Step], Tensor]
    taps: tuple[Tap, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What one `on` means.

    Args:
        student: Where the student's tensor is noted.
        teacher: Where the teacher's is.
        item: Its position if the module returns a tuple.
        extras: What a loss can ask for by name in its `forward` signature.
        num_classes: Attribute path of the number of classes, in a comparison of class
            logits.
    """

    student: Tap
    teacher: Tap
    item: int | None = None
    extras: Mapping[str, Extra] = field(default_factory=dict)
    num_classes: str | None = None


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

    comparisons: ClassVar[Mapping[str, Comparison]] = {}
    reachable: ClassVar[tuple[str, ...]] = ('',)
    """Prefixes of the teacher's modules that `run_teacher` can run."""

    def __init__(
        self,
        student: BaseModel,
        teacher: BaseModel,
        wanted: Mapping[str, tuple[Any, Collection[str]]],
    ) -> None:
        self.teacher = teacher
        self._needs = {term: tuple(needs) for term, (_, needs) in wanted.items()}
        self._terms = {term: self._resolve(on) for term, (on, _) in wanted.items()}
        extras = [extra for term in self._terms for extra in self._extras(term)]
        for term, comparison in self._terms.items():
            if comparison.num_classes is not None:
                self._check_classes(term, comparison.num_classes, student)
        student_taps = [comparison.student for comparison in self._terms.values()]
        student_taps += [tap for extra in extras for tap in extra.taps]
        self.student_recorder = Recorder(student, student_taps + self.student_taps())
        self.teacher_recorder = Recorder(
            teacher, [comparison.teacher for comparison in self._terms.values()]
        )
        for term, comparison in self._terms.items():
            self._check_reachable(term, comparison.teacher)

    @classmethod
    def supports(cls, model: BaseModel) -> bool:
        """Whether this adapter knows models of this type."""
        raise NotImplementedError

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

    def pair(self, term: str, step: Step) -> dict[str, Tensor]:
        """The arguments of a term's loss: student, teacher and what else it asks for.

        Raises:
            ValueError: A module of the term did not run exactly once in this step, or
                the student's tensor has no gradient.
        """
        comparison = self._terms[term]
        values = {
            'student': _value(self.student_recorder, comparison.student, comparison),
            'teacher': _value(self.teacher_recorder, comparison.teacher, comparison),
        }
        if torch.is_grad_enabled() and not values['student'].requires_grad:
            raise ValueError(
                f'term {term!r} cannot train the student: what it takes of '
                f'{comparison.student.module!r} has no gradient; the module is '
                'frozen, or lies inside a part with activation checkpointing that '
                'PyTorch runs without a graph (with_cp=True): name the output of that '
                'whole part instead'
            )
        for need in self._needs[term]:
            values[need] = comparison.extras[need].read(step)
        return values

    def runs(self, prefix: str) -> bool:
        """Whether any tap of the teacher lies in the module of this name."""
        return any(
            f'{tap.module}.'.startswith(f'{prefix}.')
            for tap in self.teacher_recorder.taps
        )

    def _resolve(self, on: Any) -> Comparison:
        if isinstance(on, str) and on in self.comparisons:
            return self.comparisons[on]
        if isinstance(on, str) and on.startswith('module:'):
            name = on.removeprefix('module:')
            return Comparison(Tap(name), Tap(name))
        if isinstance(on, dict) and set(on) == {'student', 'teacher'}:
            return Comparison(Tap(on['student']), Tap(on['teacher']))
        hint = did_you_mean(on, self.comparisons) if isinstance(on, str) else ''
        raise ValueError(
            f'unknown on={on!r}{hint}; {type(self).__name__} compares '
            f'{", ".join(map(repr, self.comparisons)) or "no named part"}; any two '
            "modules are compared with on='module:NAME' or "
            'on=dict(student=NAME, teacher=NAME)'
        )

    def _extras(self, term: str) -> list[Extra]:
        """What the loss of a term asks for beside student and teacher."""
        extras = self._terms[term].extras
        missing = [need for need in self._needs[term] if need not in extras]
        if missing:
            raise ValueError(
                f'the loss of term {term!r} needs {", ".join(map(repr, missing))}, '
                'which this pair does not have; it has student, teacher'
                + ''.join(f', {name}' for name in extras)
            )
        return [extras[need] for need in self._needs[term]]

    def _check_reachable(self, term: str, tap: Tap) -> None:
        if not tap.module.startswith(self.reachable):
            raise ValueError(
                f'term {term!r}: the teacher is not run as far as module '
                f'{tap.module!r}; modules in {", ".join(self.reachable)} can be '
                'compared'
            )

    def _check_classes(self, term: str, path: str, student: BaseModel) -> None:
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


def _value(recorder: Recorder, tap: Tap, comparison: Comparison) -> Tensor:
    calls = recorder.calls(tap)
    if len(calls) != 1:
        raise ValueError(
            f'module {tap.module!r} ran {len(calls)} times in one step, and a term '
            'needs a module that runs once; name one that does'
        )
    value = calls[0] if comparison.item is None else calls[0][comparison.item]
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Tensor):
        raise ValueError(
            f'module {tap.module!r} returns a {type(value).__name__}, and a term needs '
            'one tensor; name a module inside it that returns one'
        )
    return value


def _attribute(model: BaseModel, path: str) -> Any:
    try:
        return attrgetter(path)(model)
    except AttributeError:
        return None
