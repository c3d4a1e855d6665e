"""What `teacher=` of a hook says: one, several, or the student's own average."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from mmengine.hooks import EMAHook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.registry import did_you_mean
from ckd_mm.teachers.build import build_teacher
from ckd_mm.teachers.speed import Speed

__all__ = ['Teacher', 'TeacherConfig', 'read_teachers']


@dataclass(frozen=True)
class Teacher:
    """A teacher that is ready to run.

    Args:
        model: Frozen, on the student's device.
        weight: Its share when a term averages several teachers.
        speed: How its forward runs.
    """

    model: BaseModel
    weight: float = 1.0
    speed: Speed = field(default_factory=Speed)


@dataclass(frozen=True)
class TeacherConfig(Speed):
    """One teacher, and how it runs: see :class:`Speed` for these options.

    Args:
        config: A path, a zoo name, or a dict, see :func:`build_teacher`.
        checkpoint: A path or URL; the zoo's weights if left out.
        ema: The teacher is the student's own average over training, which the run's
            EMAHook keeps; instead of a config.
        evaluate: Evaluate it before training.
        weight: Its share when a term averages several teachers.

    Raises:
        ValueError: There is neither a config nor `ema`, or both, or a bad weight.
    """

    config: Any = None
    checkpoint: Any = None
    ema: bool = False
    evaluate: bool = False
    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.config is None) == (not self.ema):
            raise ValueError(
                'teacher needs either a config, or ema=True for the average of the '
                f'student itself, got config={self.config!r} and ema={self.ema!r}'
            )
        number = isinstance(self.weight, (int, float)) and math.isfinite(self.weight)
        if not number or isinstance(self.weight, bool) or self.weight <= 0:
            raise ValueError(
                f'teacher: weight must be a finite number > 0, got {self.weight!r}'
            )
        if self.ema and self.changes_model:
            raise ValueError(
                "teacher: ema=True is the run's own average, which channels_last, "
                'fuse_bn and compile would change; of the options for speed only dtype '
                'goes with it'
            )

    def build(self, runner: Runner, device: torch.device) -> Teacher:
        """The teacher, frozen, on the student's device.

        Raises:
            ValueError: It cannot be built or loaded, or there is no EMAHook.
        """
        if self.ema:
            return Teacher(self._average(runner), self.weight, self)
        model = build_teacher(self.config, self.checkpoint).to(device)
        return Teacher(self.prepare(model), self.weight, self)

    def _average(self, runner: Runner) -> BaseModel:
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                return hook.ema_model.module
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
