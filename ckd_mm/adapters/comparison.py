"""What one `on` means: where both sides are noted, and what a loss can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from ckd_mm.recorders import Recorder, Tap

__all__ = ['Comparison', 'Extra', 'Missing', 'Part', 'Reading', 'Side', 'Step', 'Value']

Value: TypeAlias = Tensor | tuple[Tensor, ...]
"""One tensor, or one for each level of a pyramid, fine to coarse."""


@dataclass(frozen=True)
class Step:
    """One training step of the student: what its forward got, and what was noted in it.

    Args:
        inputs: The preprocessed batch (N, 3, H, W).
        data_samples: The N data samples that came with it.
        noted: Reads all calls of a student tap.
        epoch: Epochs of training done so far, with the fraction of the running one.
    """

    inputs: Tensor
    data_samples: Sequence[Any]
    noted: Callable[[Tap], list[Any]]
    epoch: float = 0.0


@dataclass(frozen=True)
class Extra:
    """What a pair can carry beside the two tensors; made only if a loss asks."""

    read: Callable[[Step], Any]
    taps: tuple[Tap, ...] = ()


def _first(values: list[Any], step: Step) -> Any:
    return values[0]


@dataclass(frozen=True)
class Side:
    """Where the value of one of the two models is noted, and how it is made of that.

    Args:
        taps: The places, each of a module that runs once in a step.
        select: Makes what is compared of what they noted, in their order.
        num_classes: Attribute path of the number of classes, for class logits.
        may_skip: Whether modules may stay out of a step; `select` then gets a None.
        take: Gives some rows of what was noted, where that is cheaper than to make all
            of them and leave most.
    """

    taps: tuple[Tap, ...]
    select: Callable[[list[Any], Step], Any] = _first
    num_classes: str = ''
    may_skip: bool = False
    take: Callable[[list[Any], Tensor], Tensor] | None = None

    def noted(self, recorder: Recorder) -> list[Any]:
        """What each tap noted.

        Raises:
            ValueError: A module did not run exactly once in this step.
        """
        return [self._call(recorder, tap) for tap in self.taps]

    def rows(self, values: list[Any], which: Tensor, step: Step) -> Tensor:
        """Some rows of what is compared."""
        if self.take is not None:
            return self.take(values, which)
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


class Reading(NamedTuple):
    """Both values of one comparison in one step.

    `rows` are the places of the student's rows among all that it has; `None` is all.
    """

    student: Value
    teacher: Value
    rows: Tensor | None = None


@dataclass(frozen=True)
class Comparison:
    """What one `on` means.

    Args:
        student: The student's side.
        teacher: The teacher's.
        levels: Whether the values are tuples of feature maps rather than one tensor.
        extras: What a loss can ask for by name in its `forward` signature, beside what
            every comparison of the adapter has.
        without: Why a loss cannot ask for some names, by name.
        choose: Gives the rows that are compared, as indices into all rows of the
            student and of the teacher, from what both sides noted. Extras are then of
            all rows of the student, and the same ones are taken.
        needs: What is read of the student beside its side.
        by_teacher: Whether the rows are the teacher's choice, so that those of two
            teachers differ.
    """

    student: Side
    teacher: Side
    levels: bool = False
    extras: Mapping[str, Extra] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    choose: Callable[[list[Any], list[Any], Step], tuple[Tensor, Tensor]] | None = None
    needs: tuple[Tap, ...] = ()
    by_teacher: bool = False

    def read(self, student: Recorder, teacher: Recorder, step: Step) -> Reading:
        """Both values.

        Raises:
            ValueError: A module did not run exactly once in this step, or it does not
                return what can be compared.
        """
        if self.choose is None:
            return Reading(
                self.value(self.student, student, step),
                self.value(self.teacher, teacher, step),
            )
        own, other = self.student.noted(student), self.teacher.noted(teacher)
        with torch.no_grad():
            rows, other_rows = self.choose(own, other, step)
        return Reading(
            self.student.rows(own, rows, step),
            self.teacher.rows(other, other_rows, step),
            rows,
        )

    def value(self, side: Side, recorder: Recorder, step: Step) -> Value:
        """All of one side.

        Raises:
            ValueError: As for :meth:`read`.
        """
        value = side.select(side.noted(recorder), step)
        if self.levels:
            return (value,) if isinstance(value, Tensor) else tuple(value)
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Tensor):
            raise ValueError(
                f'module {side.taps[0].module!r} returns a {type(value).__name__}, and '
                'a term needs one tensor; name a module inside it that returns one'
            )
        return value


@dataclass(frozen=True)
class Missing:
    """A part that this family of models has, and why these two lack it."""

    reason: str


Part: TypeAlias = Comparison | Callable[..., Comparison] | Missing
"""What a name for `on` stands for; a function takes the options of that part."""
