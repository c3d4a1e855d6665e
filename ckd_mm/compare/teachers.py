"""Teachers of a comparison, tried once before many runs load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ckd_mm.teachers import TeacherConfig, build_teacher, read_teachers

__all__ = ['check_teachers', 'local_checkpoints']


def check_teachers(hooks: list[dict[str, Any]]) -> None:
    """Build each teacher with its weights once; a zoo's are downloaded by that.

    Raises:
        ValueError: There is no checkpoint, or it does not fit.
    """
    tried: list[tuple[Any, ...]] = []
    for hook in hooks:
        for teacher in read_teachers(hook['teacher']):
            source = (teacher.config, teacher.checkpoint, teacher.prefix)
            if not teacher.ema and source not in tried:
                _check_there(teacher)
                build_teacher(*source)
                tried.append(source)


def local_checkpoints(hook: dict[str, Any]) -> list[Path]:
    """The files of a hook's teachers, without URLs and the zoo's."""
    paths = [_local(teacher.checkpoint) for teacher in read_teachers(hook['teacher'])]
    return [path for path in paths if path is not None]


def _check_there(teacher: TeacherConfig) -> None:
    path, config = _local(teacher.checkpoint), teacher.config
    if path is not None and not path.is_file():
        shown = config if isinstance(config, str) else 'TEACHER_CONFIG'
        raise ValueError(
            f'the teacher checkpoint {str(path)!r} is not there; train the teacher '
            f'first: python tools/train.py {shown} --work-dir {path.parent}'
        )


def _local(checkpoint: Any) -> Path | None:
    if checkpoint is None or '://' in str(checkpoint):
        return None
    return Path(checkpoint)
