"""Checks the teachers of a comparison once, before many runs load them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from ckd_mm.teachers import TeacherKind, read_teachers

__all__ = ['check_teachers', 'has_other_teacher', 'local_files']


def check_teachers(teachers: Iterable[tuple[Any, str | None]]) -> None:
    """Check each teacher once; this downloads a zoo's weights.

    Args:
        teachers: A hook's `teacher` and the `default_scope` of its student, in which
            a run builds a teacher whose config names none.

    Raises:
        ValueError: One cannot be built, as its checkpoint is missing or does not fit.
    """
    tried: list[tuple[TeacherKind, str | None]] = []
    for teacher, scope in teachers:
        for kind in read_teachers(teacher):
            if (kind, scope) not in tried:
                with DefaultScope.overwrite_default_scope(scope):
                    kind.check()
                tried.append((kind, scope))


def has_other_teacher(hook: dict[str, Any]) -> bool:
    """Whether a hook has a teacher beside the student itself."""
    kinds = read_teachers(hook.get('teacher'))
    return any(not kind.is_student for kind in kinds)


def local_files(hook: dict[str, Any]) -> list[Path]:
    """The local files that a hook's teachers depend on.

    The file of a cache names its data and its teacher's weights.
    """
    return [path for one in read_teachers(hook.get('teacher')) for path in one.files()]
