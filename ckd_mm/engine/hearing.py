"""Which teachers a term hears; a loss whose `forward` takes no teacher hears none."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from torch import nn

from ckd_mm.teachers import ALONE, Request

__all__ = ['check_all_are_heard', 'heard_by']


class _Term(Protocol):
    @property
    def request(self) -> Request: ...


def heard_by(
    loss: nn.Module, teacher: Any, num_teachers: int
) -> tuple[int, ...] | None:
    """The numbers of the teachers that a term hears; `None` is all.

    Args:
        loss: Its loss.
        teacher: Its option: a number, or a list of them.
        num_teachers: How many the hook has.

    Raises:
        ValueError: There is no such teacher, or the loss reads none.
    """
    cls = getattr(loss, 'cls', type(loss))  # one that is pending names its class
    if 'teacher' not in inspect.signature(cls.forward).parameters:
        if teacher is not None:
            raise ValueError(
                f'{cls.__name__} reads the student alone; leave teacher={teacher!r} out'
            )
        return (ALONE,)
    if not num_teachers:
        raise ValueError(
            f'{cls.__name__} compares with a teacher, and the hook has none; give the '
            'hook one with teacher=dict(config=...), or the student itself with '
            'teacher=dict(itself=True), or take a loss of the student alone, such as '
            'USKDLoss'
        )
    return None if teacher is None else _numbers(teacher, num_teachers)


def _numbers(teacher: Any, num_teachers: int) -> tuple[int, ...]:
    numbers = tuple(teacher) if isinstance(teacher, (list, tuple)) else (teacher,)
    known = range(num_teachers)
    for number in numbers:
        if isinstance(number, bool) or number not in known:
            raise ValueError(
                f'teacher={teacher!r} must be a number from 0 to {num_teachers - 1}, '
                "the position in the hook's list of teachers, or a list of them"
            )
    if not numbers:
        raise ValueError('teacher=[] leaves no teacher; leave it out for all of them')
    return numbers


def check_all_are_heard(teacher: Any, terms: Sequence[_Term]) -> None:
    """Check that some term listens to each teacher.

    Args:
        teacher: The option of the hook.
        terms: All terms.

    Raises:
        ValueError: None listens to one.
    """
    teachers = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    for number, one in enumerate([] if teacher is None else teachers):
        if not any(term.request.listens_to(number) for term in terms):
            shown = ', '.join(f'{key}={value!r}' for key, value in one.items())
            raise ValueError(
                f'no distill term compares with teacher {number} ({shown}); leave it '
                'out, or name it in a term'
            )
