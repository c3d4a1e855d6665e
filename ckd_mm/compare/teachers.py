"""Teachers of a comparison, tried once before many runs load them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ckd_mm.cache.store import Cache
from ckd_mm.teachers import TeacherConfig, build_teacher, read_teachers

__all__ = ['check_teachers', 'local_files']


def check_teachers(hooks: list[dict[str, Any]]) -> None:
    """Build each teacher with its weights once; a zoo's are downloaded by that.

    Of a cached teacher the cache is opened.

    Raises:
        ValueError: There is no checkpoint, or it does not fit, or a cache is not whole.
    """
    tried: list[tuple[Any, ...]] = []
    for hook in hooks:
        for teacher in read_teachers(hook['teacher']):
            one = teacher
            source = (one.config, one.checkpoint, one.prefix, one.cache)
            if not teacher.ema and source not in tried:
                _check(teacher)
                tried.append(source)


def local_files(hook: dict[str, Any]) -> list[Path]:
    """The files that decide on what a hook's teachers say, without URLs and the zoo's.

    A cache has one that names its data and its teacher's weights.
    """
    found = []
    for teacher in read_teachers(hook['teacher']):
        path = _local(teacher.checkpoint)
        if teacher.cache is not None:
            path = Path(teacher.cache) / 'cache.json'
        if path is not None:
            found.append(path)
    return found


def _check(teacher: TeacherConfig) -> None:
    if teacher.cache is not None:
        Cache(teacher.cache)
    else:
        _check_there(teacher)
        build_teacher(teacher.config, teacher.checkpoint, teacher.prefix)


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
