"""Which links teach a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckd_mm.registry import did_you_mean

__all__ = ['PREVIOUS', 'check_alone', 'read_link_teachers']

PREVIOUS = 'previous'


def read_link_teachers(
    what: str,
    name: str,
    entry: Mapping[str, Any],
    before: Sequence[str],
    names: Sequence[str],
) -> list[str | dict[str, Any]]:
    """The teachers of a link: names of links before it, and teachers of the hook.

    Args:
        what: The link in messages.
        name: Its name.
        entry: The link. Its `teacher` is `'previous'`, as if it were left out, the name
            of a link, a dict as the hook takes it, a list of these, or `None` for none.
        before: The names of the links before it.
        names: The names of all links.

    Returns:
        The teachers; none for `None`, and for the first link without a `teacher`.

    Raises:
        ValueError: A teacher is no link, or the chain would be a circle.
    """
    teacher = entry.get('teacher', PREVIOUS if before else None)
    if teacher is None:
        return []
    given = teacher if isinstance(teacher, (list, tuple)) else [teacher]
    if not given:
        raise ValueError(
            f'{what}: teacher must have one entry at least, got []; write teacher=None '
            'for losses of the student alone, or leave it out for the link before it'
        )
    return [_one(what, name, one, before, names) for one in given]


def check_alone(what: str, method: Any, entry: Mapping[str, Any]) -> None:
    """Check that a link without a teacher is to have none.

    Args:
        what: The link in messages.
        method: What it distils: the name of a preset, or what the hook takes.
        entry: The link.

    Raises:
        ValueError: It does not say so, or its method compares with a teacher.
    """
    if 'teacher' not in entry:
        raise ValueError(
            f'{what} is the first one and distils, but nothing teaches it; give it '
            'a teacher=dict(config=..., checkpoint=...), or teacher=None for losses of '
            'the student alone'
        )
    if isinstance(method, str):
        raise ValueError(
            f'{what} has teacher=None, and method={method!r} compares with a teacher; '
            'leave teacher=None out, or give distill=dict(...) of the student alone'
        )


def _one(
    what: str, name: str, teacher: Any, before: Sequence[str], names: Sequence[str]
) -> str | dict[str, Any]:
    if isinstance(teacher, dict):
        return teacher
    if teacher == PREVIOUS and before:
        return before[-1]
    if teacher in before:
        return teacher
    if teacher == name or teacher in names:
        whom = 'itself' if teacher == name else f'{teacher!r}, which comes after it'
        raise ValueError(
            f'{what} is to learn from {whom}, so the chain would be a circle; '
            'name a link that stands before it'
        )
    hint = did_you_mean(teacher, names) if isinstance(teacher, str) else ''
    raise ValueError(
        f'{what}: teacher must be {PREVIOUS!r} (not for the first link), the name of a '
        f'link before it, a dict, or a list of these, got {teacher!r}{hint}'
    )
