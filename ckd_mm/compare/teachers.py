"""Checks teachers and peers of a comparison once, before many runs load them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from ckd_mm.teachers import TeacherKind, read_peers, read_teachers

__all__ = ['check_peers', 'check_teachers', 'has_other_teacher', 'local_files']


def check_teachers(teachers: Iterable[tuple[Any, str | None]]) -> None:
    """Check each teacher once; this downloads a zoo's weights.

    Args:
        teachers: A hook's `teacher` and the `default_scope` of its student, in which
            a run builds a teacher whose config names none.

    Raises:
        ValueError: One cannot be built, as its checkpoint is missing or does not fit.
    """
    _check((kind, scope) for one, scope in teachers for kind in read_teachers(one))


def check_peers(peers: Iterable[tuple[Any, str | None]]) -> None:
    """The same for a hook's `peers`.

    Raises:
        ValueError: One cannot be built, or its checkpoint is missing or does not fit.
    """
    _check((kind, scope) for several, scope in peers for kind in read_peers(several))


def has_other_teacher(hook: dict[str, Any]) -> bool:
    """Whether a hook has a teacher beside the student itself."""
    kinds = read_teachers(hook.get('teacher'))
    return any(not kind.is_student for kind in kinds)


def local_files(hook: dict[str, Any]) -> list[Path]:
    """The local files that a hook's teachers and peers depend on.

    The file of a cache names its data and its teacher's weights.
    """
    kinds = [*read_teachers(hook.get('teacher')), *read_peers(hook.get('peers'))]
    return [path for one in kinds for path in one.files()]


def _check(kinds: Iterable[tuple[TeacherKind, str | None]]) -> None:
    tried: list[tuple[TeacherKind, str | None]] = []
    for kind, scope in kinds:
        if (kind, scope) not in tried:
            with DefaultScope.overwrite_default_scope(scope):
                kind.check()
            tried.append((kind, scope))
