"""Which links teach a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckd_mm.registry import did_you_mean

__all__ = ['PREVIOUS', 'read_link_teachers']

PREVIOUS = 'previous'


def read_link_teachers(
    what: str, name: str, teacher: Any, before: Sequence[str], names: Sequence[str]
) -> list[str | dict[str, Any]]:
    """The teachers of a link: names of links before it, and teachers of the hook.

    Args:
        what: The link in messages.
        name: Its name.
        teacher: `teacher` of the link: `'previous'`, the name of a link, a dict as the
            hook takes it, a list of these, or `None` for the link before it.
        before: The names of the links before it.
        names: The names of all links.

    Returns:
        The teachers; none for the first link without a `teacher`.

    Raises:
        ValueError: A teacher is no link, or the chain would be a circle.
    """
    if teacher is None and not before:
        return []
    given = teacher if isinstance(teacher, (list, tuple)) else [teacher or PREVIOUS]
    if not given:
        raise ValueError(f'{what}: teacher must have one entry at least, got []')
    return [_one(what, name, one, before, names) for one in given]


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
