"""Which terms can put modules in place of the student's at inference, and which cannot.

A loss says by the arguments of its `at_inference` what it makes these modules of, see
`inference.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.engine.inherit import have_other_order
from ckd_mm.engine.terms import Term
from ckd_mm.sharding import is_sharded
from ckd_mm.teachers import ALONE, TeacherKind

__all__ = ['asked_at_inference', 'check_at_inference', 'heard_at_inference']

GIVEN = ('teacher', 'student', 'config')
"""What an `at_inference` can ask for."""


def asked_at_inference(term: Term) -> list[str]:
    """What the loss of a term makes its modules of, some of :data:`GIVEN`.

    Raises:
        ValueError: It asks for something else.
    """
    loss: Any = term.loss
    names = list(inspect.signature(loss.at_inference).parameters)
    for name in names:
        if name not in GIVEN:
            raise ValueError(
                f'at_inference of {type(loss).__name__} asks for {name!r}; name its '
                f'arguments by what it needs of {", ".join(GIVEN)}'
            )
    return names


def heard_at_inference(term: Term, kinds: Sequence[TeacherKind]) -> list[int]:
    """The numbers of the teachers of a term; one, if it takes modules of a teacher.

    Raises:
        ValueError: It takes modules, and there are several teachers, or the weights of
            the only one change or are not there.
    """
    numbers = range(len(kinds)) if term.teachers is None else term.teachers
    if 'teacher' in asked_at_inference(term):
        _check_only_teacher(type(term.loss).__name__, numbers, kinds)
    return [number for number in numbers if number != ALONE]


def _check_only_teacher(
    name: str, numbers: Sequence[int], kinds: Sequence[TeacherKind]
) -> None:
    if ALONE in numbers:
        raise ValueError(
            f'{name} gives the student modules of a teacher at inference, and reads '
            'the student alone; give its forward an argument teacher'
        )
    if len(numbers) > 1:
        raise ValueError(
            f'{name} gives the student the modules of one teacher, got {len(numbers)}; '
            'choose one with teacher=NUMBER'
        )
    kind = kinds[numbers[0]]
    if not kind.can_be_cached:  # nothing of it changes in training
        peer, cls = kind.name_in_terms, type(kind).__name__
        raise ValueError(
            f'{name} gives the student modules of the teacher, which must be a model '
            f'that stays as it is, got {f"the peer {peer!r}" if peer else f"a {cls}"}; '
            'give the hook teacher=dict(config=...), and name it with teacher=0'
        )


def check_at_inference(student: BaseModel, term: Term, teachers: Sequence[Any]) -> None:
    """Check what is compared, and the classes.

    Raises:
        ValueError: Modules that are in place of others would not fit there.
    """
    takes_teacher = 'teacher' in asked_at_inference(term)
    allowed = getattr(term.loss, 'inference_modules', ())
    read = _modules(term.on)[: None if takes_teacher else 1]
    if allowed and not set(read) <= set(allowed):
        example = (
            f"on='module:{allowed[-1]}'"
            if takes_teacher
            else f"on=dict(student='{allowed[-1]}', teacher='logits')"
        )
        raise ValueError(
            f'{type(term.loss).__name__} must compare what its modules get at '
            f'inference, such as {example}, got on={term.on!r}'
        )
    if is_sharded(student):
        raise ValueError(
            f'{type(term.loss).__name__} changes the student at inference, which does '
            'not work with a sharded student; train with DDP'
        )
    for teacher in teachers:
        _check_classes(type(term.loss).__name__, student, teacher, takes_teacher)


def _check_classes(
    loss: str, student: BaseModel, teacher: Any, takes_teacher: bool
) -> None:
    """Check that a head for the teacher's classes has those of the student.

    Raises:
        ValueError: It has others. Of a teacher whose modules are not taken, the loss
            itself knows the number.
    """
    both = (student, getattr(teacher, 'model', None))
    ours, theirs = (
        getattr(getattr(one, 'head', None), 'num_classes', None) for one in both
    )
    names = getattr(teacher, 'names', None)
    differ = names is not None and have_other_order(names)
    if (takes_teacher and ours != theirs) or differ:
        raise ValueError(
            f'{loss} gives the student a head of the classes of the teacher, whose '
            f'classes must be the same in the same order, got {ours} classes of the '
            f'student and {theirs} of the teacher'
            + (' under other names' if differ else '')
            + '; take a teacher of these classes'
        )


def _modules(on: Any) -> list[str]:
    """The modules of both models that an `on` names."""
    if isinstance(on, Mapping) and set(on) == {'student', 'teacher'}:
        return [on['student'], on['teacher']]
    return [on.removeprefix('module:')] if isinstance(on, str) else [repr(on)]
