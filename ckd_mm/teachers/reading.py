"""Reads `teacher=` of a hook: one teacher, or a list of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from os import PathLike, fspath
from typing import Any

from ckd_mm.checks import positive
from ckd_mm.registry import TEACHERS, build, did_you_mean
from ckd_mm.teachers.base import TeacherKind
from ckd_mm.teachers.speed import Speed

__all__ = ['options_of', 'read_teachers']


def read_teachers(teacher: Any) -> list[TeacherKind]:
    """The teachers of a hook: a dict, or a list of them; none of `None`.

    Raises:
        ValueError: An option is unknown or wrong.
    """
    if teacher is None:
        return []
    teachers = list(teacher) if isinstance(teacher, (list, tuple)) else [teacher]
    if not teachers:
        raise ValueError(
            'teacher must have one teacher at least, got an empty list; leave teacher '
            'out for terms on the student alone'
        )
    kinds = [_read(one) for one in teachers]
    for kind in kinds:
        positive('teacher: weight', kind.weight)
    return kinds


def options_of(kind: type[TeacherKind]) -> dict[str, Field]:
    """The options of a kind by name, those of `speed` among them."""
    found: dict[str, Field] = {}
    for option in fields(kind):  # type: ignore[arg-type]
        if option.name == 'speed':
            found |= {one.name: one for one in _speed_options(kind)}
        else:
            found[option.name] = option
    return found


def _read(teacher: Any) -> TeacherKind:
    """The kind that a dict names by `type`, or by the key that stands for it."""
    if not isinstance(teacher, dict):
        raise ValueError(
            'teacher must be a dict with a config, or a list of such dicts, '
            f'got {teacher!r}; write {_as_dict(teacher)}'
        )
    if 'type' in teacher:
        kind = teacher['type']
        cls = TEACHERS.get(kind) if isinstance(kind, str) else kind
        if is_dataclass(cls):
            _check_names(cls, teacher)
        return build(TEACHERS, _with_speed(teacher, cls))
    kinds = _with_key()
    options = {name: one for kind in kinds for name, one in options_of(kind).items()}
    for key in teacher:
        if key not in options:
            hint = did_you_mean(key, options)
            raise ValueError(f'teacher has no option {key!r}{hint}')
    given = {
        key: value for key, value in teacher.items() if value != _default(options[key])
    }
    named = [kind for kind in kinds if given.get(kind.key)]
    if len(named) != 1:
        raise ValueError(_which(kinds, teacher))
    (kind,) = named
    _check_options(kind, given)
    return kind(**_with_speed(given, kind))


def _as_dict(teacher: Any) -> str:
    """How a config writes a teacher that was given by its name."""
    if not isinstance(teacher, (str, PathLike)):
        return 'dict(config=PATH)'
    for kind in _with_key():
        if teacher == kind.key or repr(teacher) in kind.key_in_words:
            return f'a dict with {kind.key_in_words}'
    library, _, name = fspath(teacher).partition('::')
    if library in TEACHERS.module_dict:
        return f'dict(type={library!r}, model={name!r})'
    return f'dict(config={fspath(teacher)!r})'


def _check_names(kind: Any, teacher: Mapping[str, Any]) -> None:
    """Check the names of the options of a kind that a config gives by `type`."""
    known = options_of(kind)
    for name in teacher:
        if name == 'type' or name in known:
            continue
        having = [
            f'dict({one.key}=...)' for one in _with_key() if name in options_of(one)
        ]
        hint = did_you_mean(name, known)
        if having:
            hint = f'; leave it out, it is an option of {" and ".join(having)}'
        shown = teacher['type'] if isinstance(teacher['type'], str) else kind.__name__
        raise ValueError(f'teacher: type={shown!r} does not take {name}{hint}')


def _with_key() -> list[type[TeacherKind]]:
    """The kinds that a config gives without `type`."""
    return [kind for kind in TEACHERS.module_dict.values() if kind.key]


def _speed_options(kind: Any) -> list[Field]:
    every = fields(Speed)
    names = getattr(kind, 'speed_options', [one.name for one in every])
    return [one for one in every if one.name in names]


def _with_speed(options: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """The arguments of a kind that has a `speed`, which is made of its options."""
    has_speed = 'speed' in getattr(kind, '__dataclass_fields__', {})
    names = [one.name for one in _speed_options(kind)] if has_speed else []
    speed = {name: options[name] for name in names if name in options}
    rest = {key: value for key, value in options.items() if key not in names}
    return {**rest, 'speed': Speed(**speed)} if speed else rest


def _default(option: Field) -> Any:
    return None if option.default is MISSING else option.default


def _check_options(kind: type[TeacherKind], given: Mapping[str, Any]) -> None:
    """Check that no option is given that this kind does not have."""
    known = options_of(kind)
    foreign = [name for name in given if name not in known]
    if foreign:
        *others, last = [name for name in known if name != kind.key]
        names = f'{", ".join(others)} and {last} go' if others else f'{last} goes'
        raise ValueError(
            f'teacher: {kind.key}={given[kind.key]!r} {kind.key_meaning}, so that only '
            f'{names} with it, got {", ".join(foreign)}; leave that out'
        )


def _which(kinds: Iterable[type[TeacherKind]], teacher: Mapping[str, Any]) -> str:
    given = ' and '.join(f'{key}={value!r}' for key, value in teacher.items())
    known = ', or '.join(kind.key_in_words for kind in kinds)
    return (
        f'teacher needs either {known}, or the type of another kind, '
        f'got {given or "nothing"}'
    )
