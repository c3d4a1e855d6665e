"""What `teacher=` of a hook says: one, several, a cache, or the student's average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.semi_supervised import student_within, teacher_within
from ckd_mm.cache.identity import data_identity
from ckd_mm.cache.store import Cache
from ckd_mm.checks import boolean, positive
from ckd_mm.registry import did_you_mean
from ckd_mm.teachers.cached_parts import check_hooks
from ckd_mm.teachers.classes import check_classes, class_lists, class_names
from ckd_mm.teachers.loading.build import build_teacher
from ckd_mm.teachers.speed import Speed

__all__ = ['CachedTeacher', 'Teacher', 'TeacherConfig', 'read_teachers']

# By kind of teacher: what it is, and the options that go with it.
_GOES_WITH = {
    'cache': ('stands for the whole teacher', ('weight', 'classes', 'class_map')),
    'ema': ("is the run's own average", ('evaluate', 'weight', 'dtype', 'stream')),
}


@dataclass(frozen=True)
class Teacher:
    """A teacher that is ready to run.

    Args:
        model: Frozen, on the student's device.
        weight: Its share when a term averages several teachers.
        speed: How its forward runs.
        names: The names of its classes and of the student's.
    """

    model: BaseModel
    weight: float = 1.0
    speed: Speed = field(default_factory=Speed)
    names: ClassNames | None = None


@dataclass(frozen=True)
class CachedTeacher:
    """A teacher that is not there.

    Args:
        cache: What it said of the images of this run.
        weight: Its share when a term averages several teachers.
        names: The names of its classes and of the student's.
    """

    cache: Cache
    weight: float = 1.0
    names: ClassNames | None = None


@dataclass(frozen=True)
class TeacherConfig(Speed):
    """One teacher, and how it runs: see :class:`Speed` for these options.

    Args:
        config: A path, a zoo name, or a dict, see :func:`build_teacher`.
        checkpoint: A path or URL; the zoo's weights if left out.
        prefix: Takes only the weights whose names begin so, see :func:`load_weights`.
        ema: The teacher is the student's own average over training, which the run's
            EMAHook keeps; instead of a config.
        cache: What `tools/cache_teacher.py` has written; instead of a config.
        evaluate: Evaluate it before training.
        weight: Its share when a term averages several teachers.
        classes: The names of its classes in their order, where its file has none.
        class_map: What the student calls some of its classes, by their names here.

    Raises:
        ValueError: There is not exactly one of a config, `ema` and `cache`, a bad
            weight, or an option that does not go with `ema` or `cache`.
    """

    config: Any = None
    checkpoint: Any = None
    prefix: str = ''
    ema: bool = False
    cache: Any = None
    evaluate: bool = False
    weight: float = 1.0
    classes: Sequence[str] | None = None
    class_map: dict[str, str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ('ema', 'evaluate'):
            boolean(f'teacher: {name}', getattr(self, name))
        kinds = (self.config is not None, self.ema, self.cache is not None)
        if sum(kinds) != 1:
            raise ValueError(
                'teacher needs either a config, or ema=True for the average of the '
                'student itself, or the cache of a teacher, got '
                f'config={self.config!r}, ema={self.ema!r} and cache={self.cache!r}'
            )
        for kind in _GOES_WITH:
            if getattr(self, kind):
                self._check_others(kind)
        self._check_paths()
        check_classes(self.classes)
        if not isinstance(self.prefix, str):
            raise ValueError(
                "teacher: prefix must be a string such as 'student.', got "
                f'{self.prefix!r}'
            )
        positive('teacher: weight', self.weight)

    def build(self, runner: Runner, device: torch.device) -> Teacher | CachedTeacher:
        """The teacher, frozen, on the student's device, or its cache.

        Raises:
            ValueError: It cannot be built or loaded, there is no EMAHook, or the cache
                is not of this run's data.
        """
        if self.cache is not None:
            cache = self._opened_cache(runner)
            names = class_names(runner, self, cache.manifest.get('classes'))
            return CachedTeacher(cache, self.weight, names)
        if self.ema:
            return Teacher(self._average(runner), self.weight, self)
        model = build_teacher(self.config, self.checkpoint, self.prefix).to(device)
        names = class_names(runner, self, class_lists(self, model))
        model = self.prepare(teacher_within(model))
        return Teacher(model, self.weight, self, names)

    def _check_others(self, kind: str) -> None:
        """See that no option is given that a cache or an average has no use for."""
        what, goes = _GOES_WITH[kind]
        other = [
            option.name
            for option in fields(self)
            if option.name not in (kind, *goes)
            and getattr(self, option.name) != option.default
        ]
        if other:
            raise ValueError(
                f'teacher: {kind}={getattr(self, kind)!r} {what}, so that only '
                f'{", ".join(goes[:-1])} and {goes[-1]} go with it, got '
                f'{", ".join(other)}'
            )

    def _check_paths(self) -> None:
        for name, kinds, words in (
            ('config', (str, PathLike, dict, Config), 'a path, a zoo name or a dict'),
            ('checkpoint', (str, PathLike), 'a path or URL'),
            ('cache', (str, PathLike), 'a path'),
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                raise ValueError(f'teacher: {name} must be {words}, got {value!r}')

    def _opened_cache(self, runner: Runner) -> Cache:
        cache = Cache(self.cache)
        check_hooks(runner.hooks)
        cache.check(data_identity(runner))
        print_log(f'Teacher: {cache.summary()}', logger='current')
        return cache

    def _average(self, runner: Runner) -> BaseModel:
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                return student_within(hook.ema_model.module)
        raise ValueError(
            'teacher=dict(ema=True) is the average that an EMAHook keeps, and the run '
            "has none; add dict(type='EMAHook') to custom_hooks"
        )


def read_teachers(teacher: Any) -> list[TeacherConfig]:
    """The teachers of a hook: a dict, or a list of them.

    Raises:
        ValueError: An option is unknown or wrong.
    """
    teachers = list(teacher) if isinstance(teacher, (list, tuple)) else [teacher]
    if not teachers:
        raise ValueError('teacher must have one teacher at least, got an empty list')
    return [_read(one) for one in teachers]


def _read(teacher: Any) -> TeacherConfig:
    if not isinstance(teacher, dict):
        raise ValueError(
            'teacher must be a dict with a config, or a list of such dicts, '
            f'got {teacher!r}'
        )
    known = [option.name for option in fields(TeacherConfig)]
    for key in teacher:
        if key not in known:
            raise ValueError(f'teacher has no option {key!r}{did_you_mean(key, known)}')
    return TeacherConfig(**teacher)
