"""The student beside itself: its own deeper layers teach, or a term reads it alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from ckd_mm.adapters import BoundTerm, Pair, Step, Tap, Value, build_adapter
from ckd_mm.adapters.core.detached import detached
from ckd_mm.adapters.core.parts import is_modules
from ckd_mm.checks import boolean, positive
from ckd_mm.registry import TEACHERS
from ckd_mm.teachers.base import Request, TeacherKind
from ckd_mm.teachers.without_model import ViewWithoutModel

__all__ = ['Itself', 'ItselfTeacher']


@TEACHERS.register_module()
@dataclass(frozen=True)
class ItselfTeacher(TeacherKind):
    """The student of the same step: a deeper layer of it teaches a shallower one.

    Args:
        itself: True; it stands for `type` in a config.
        weight: Its share when a term averages several teachers.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    key = 'itself'
    key_in_words = "itself=True for the student's own deeper layers"
    key_meaning = 'is the student of the same step'
    is_student = True

    itself: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        boolean('teacher: itself', self.itself)
        positive('teacher: weight', self.weight)

    def build(self, runner: Runner, device: torch.device) -> Itself:
        """Nothing is built."""
        return Itself(self.weight)


@dataclass(frozen=True)
class Itself:
    """The student as a teacher.

    Args:
        weight: Its share when a term averages several teachers.
        teaches: Whether terms compare with it; otherwise their losses read the student
            alone.
    """

    weight: float = 1.0
    teaches: bool = True

    @property
    def replays(self) -> None:
        """It sees the student's images."""
        return None

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> OwnView:
        """Its view for some terms.

        Raises:
            ValueError: The terms do not fit the student.
        """
        return OwnView(student, requests, self.teaches)

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Nothing: it is the student."""
        return {}


class OwnView(ViewWithoutModel):
    """The student's own values, from its one forward; no model runs for it.

    Args:
        student: The student, without a distributed wrapper.
        requests: What the terms ask for, by name.
        teaches: Whether a term compares two values of the student, of which the
            teacher's is detached; otherwise it gets the student's value alone.

    Raises:
        ValueError: The terms do not fit the student, or would compare a value with
            itself.
    """

    def __init__(
        self, student: BaseModel, requests: Mapping[str, Request], teaches: bool
    ) -> None:
        adapter = build_adapter(student, student)
        self.terms = {
            name: adapter.bind(name, one.on, one.context, one.connector, one.users)
            for name, one in requests.items()
        }
        self._teaches = teaches
        for name, bound in self.terms.items():
            check = _check_compares if teaches else _check_reads
            check(name, requests[name].on, bound)

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Those of the student that it needs for some of its terms, as both models."""
        found = [*super().taps_of(terms)]
        if self._teaches:
            for name, bound in self.terms.items():
                found += bound.teacher_taps() if name in terms else ()
        return found

    def run_teacher(self, step: Step) -> None:
        """Nothing: the student has run."""

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        bound = self.terms[term]
        if not self._teaches:
            pair = bound.pair_with(step, bound.student_value(step))
            return replace(pair, teacher=None)
        pair = bound.pair(step, step.student)
        assert pair.teacher is not None
        return replace(pair, teacher=detached(pair.teacher))

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term."""
        return detached(self.terms[term].teacher_value(step, step.student))

    def forget(self) -> None:
        """Nothing: the student's recorder has the tensors."""


def _check_reads(term: str, on: Any, bound: BoundTerm) -> None:
    """Check that the student alone gives what a term reads.

    Raises:
        ValueError: It names a layer of a teacher, or rows that are chosen beside one.
    """
    for one in on if isinstance(on, list) else [on]:
        if isinstance(one, dict) and is_modules(one) and len({*one.values()}) > 1:
            raise ValueError(
                f'term {term!r} reads the student alone, and on={one!r} names a module '
                f"of a teacher as well; write on='module:{one['student']}'"
            )
    if bound.chooses or bound.runs_beside:
        raise ValueError(
            f'term {term!r} reads the student alone, and on={on!r} chooses rows, or '
            "runs modules, beside a teacher; read modules with on='module:NAME', "
            'or feature maps'
        )


def _check_compares(term: str, on: Any, bound: BoundTerm) -> None:
    """Check that a term compares two values of the student's one forward.

    Raises:
        ValueError: Both are the same, or modules would have to run again.
    """
    advice = (
        "name a shallower and a deeper layer, such as on=dict(student='backbone.layer2'"
        ", teacher='backbone.layer4') or on=dict(student='backbone.layer2', "
        "teacher='logits')"
    )
    if bound.runs_beside:
        raise ValueError(
            f'term {term!r} compares the student with itself, of which nothing runs '
            f'twice, and on={on!r} needs that; {advice}'
        )
    if bound.is_one_value:
        raise ValueError(
            f'term {term!r} compares the student with itself, and on={on!r} is the '
            f'same layer of both, so the difference is always 0; {advice}'
        )
