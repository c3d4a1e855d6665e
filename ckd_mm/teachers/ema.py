"""The average of the student as its teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from mmengine.hooks import EMAHook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.adapters.core.semi_supervised import student_within
from ckd_mm.checks import boolean, positive
from ckd_mm.registry import TEACHERS
from ckd_mm.teachers.base import TeacherKind
from ckd_mm.teachers.model import ModelTeacher
from ckd_mm.teachers.speed import Speed

__all__ = ['EMATeacher']


@TEACHERS.register_module()
@dataclass(frozen=True)
class EMATeacher(TeacherKind):
    """The average of the student over training, which the run's EMAHook keeps.

    Args:
        ema: True; it stands for `type` in a config.
        evaluate: Evaluate it before training.
        weight: Its share when a term averages several teachers.
        speed: How its forward runs. A config gives its options to the teacher.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    key = 'ema'
    key_in_words = 'ema=True for the average of the student itself'
    key_meaning = "is the run's own average"
    speed_options: ClassVar[tuple[str, ...]] = ('dtype', 'stream')

    ema: bool = False
    evaluate: bool = False
    weight: float = 1.0
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self) -> None:
        boolean('teacher: ema', self.ema)
        boolean('teacher: evaluate', self.evaluate)
        positive('teacher: weight', self.weight)

    def build(self, runner: Runner, device: torch.device) -> ModelTeacher:
        """The average.

        Raises:
            ValueError: The run has no EMAHook.
        """
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                model = student_within(hook.ema_model.module)
                return ModelTeacher(
                    model, self.weight, self.speed, evaluated=self.evaluate
                )
        raise ValueError(
            'teacher=dict(ema=True) is the average that an EMAHook keeps, and the run '
            "has none; add dict(type='EMAHook') to custom_hooks"
        )

    def sketch(self, runner: Runner, student: BaseModel) -> ModelTeacher:
        """The student itself, as the average is not there yet."""
        return ModelTeacher(student)
