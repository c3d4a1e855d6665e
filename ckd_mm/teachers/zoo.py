"""A frozen teacher of a zoo, from a config and a file of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.semi_supervised import teacher_within
from ckd_mm.cache.identity import plain, weights_hash
from ckd_mm.checks import boolean, positive
from ckd_mm.registry import TEACHERS
from ckd_mm.teachers.base import Teacher, TeacherKind
from ckd_mm.teachers.classes import check_classes, class_lists, class_names
from ckd_mm.teachers.loading.build import build_model, build_teacher, read_config
from ckd_mm.teachers.model import ModelTeacher
from ckd_mm.teachers.sharding import check_speed, shard_teacher
from ckd_mm.teachers.speed import Speed

__all__ = ['ZooTeacher']


@TEACHERS.register_module()
@dataclass(frozen=True)
class ZooTeacher(TeacherKind):
    """A model of MMDetection's or MMPretrain's, and its weights.

    Args:
        config: A path, a zoo name, or a dict, see :func:`build_teacher`.
        checkpoint: A path or URL; the zoo's weights if left out.
        prefix: Takes only the weights whose names begin so, see :func:`load_weights`.
        evaluate: Evaluate it before training.
        weight: Its share when a term averages several teachers.
        classes: The names of its classes in their order, where its file has none.
        class_map: The student's names of some classes, by the teacher's names.
        shard: Spread backbone and neck over the ranks, see :func:`shard_teacher`.
        speed: How its forward runs. A config gives its options to the teacher.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    key = 'config'
    key_in_words = 'a config'
    key_meaning = 'is a model with a file of weights'
    can_be_cached = True
    can_be_inherited = True

    config: Any = None
    checkpoint: Any = None
    prefix: str = ''
    evaluate: bool = False
    weight: float = 1.0
    classes: Sequence[str] | None = None
    class_map: dict[str, str] | None = None
    shard: bool = False
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self) -> None:
        boolean('teacher: evaluate', self.evaluate)
        for name, kinds, words in (
            ('config', (str, PathLike, dict, Config), 'a path, a zoo name or a dict'),
            ('checkpoint', (str, PathLike), 'a path or URL'),
        ):
            value = getattr(self, name)
            may_lack = name == 'checkpoint' and value is None
            if not may_lack and not isinstance(value, kinds):
                raise ValueError(f'teacher: {name} must be {words}, got {value!r}')
        check_classes(self.classes)
        if not isinstance(self.prefix, str):
            raise ValueError(
                "teacher: prefix must be a string such as 'student.', got "
                f'{self.prefix!r}'
            )
        positive('teacher: weight', self.weight)
        boolean('teacher: shard', self.shard)
        if self.shard:
            check_speed(self.speed)

    def build(self, runner: Runner, device: torch.device) -> ModelTeacher:
        """The teacher with its weights, on the student's device.

        Raises:
            ValueError: It cannot be built or loaded, or its classes do not match.
        """
        model, names = self.original(runner)
        if self.shard:  # before `to`: it may be too large for one device
            shard_teacher(self.speed.prepare(model), device)
            model = model.to(device)
        else:
            model = self.speed.prepare(model.to(device))
        return ModelTeacher(model, self.weight, self.speed, names, self.evaluate)

    def original(self, runner: Runner) -> tuple[BaseModel, ClassNames | None]:
        """The model as its file has it, on the CPU, and the names of its classes.

        Raises:
            ValueError: As for :meth:`build`.
        """
        self._check_file()
        model = build_teacher(self.config, self.checkpoint, self.prefix)
        names = class_names(runner, self, class_lists(self, model))
        return teacher_within(model), names

    def sketch(self, runner: Runner, student: BaseModel) -> ModelTeacher:
        """The model without its weights."""
        model = build_model(self.config).to(next(student.parameters()).device)
        return ModelTeacher(teacher_within(model))

    def check(self) -> None:
        """Build it with its weights; this downloads a zoo's weights.

        Raises:
            ValueError: There is no checkpoint, or it does not fit.
        """
        self._check_file()
        build_teacher(self.config, self.checkpoint, self.prefix)

    def files(self) -> list[Path]:
        """Its checkpoint, if that is a local file."""
        path = self._local_checkpoint()
        return [] if path is None else [path]

    def class_lists(self, teacher: Teacher) -> dict[str, list[str]] | None:
        """The names of its classes, from the config or its file."""
        assert isinstance(teacher, ModelTeacher)
        return class_lists(self, teacher.model)

    def identity(self, teacher: Teacher) -> dict[str, Any]:
        """Its name, and what its outputs depend on."""
        assert isinstance(teacher, ModelTeacher)
        cfg, _ = read_config(self.config)
        speed = {one.name: getattr(self.speed, one.name) for one in fields(Speed)}
        return {
            'name': type(teacher.model).__name__,
            'model': plain(cfg.model),
            'data_preprocessor': plain(cfg.get('data_preprocessor')),
            'speed': plain(speed),
            'weights': weights_hash(teacher.model),
        }

    def _check_file(self) -> None:
        """Check that a local checkpoint is there.

        Raises:
            ValueError: It is not.
        """
        path, config = self._local_checkpoint(), self.config
        if path is not None and not path.exists():
            shown = config if isinstance(config, str) else 'TEACHER_CONFIG'
            raise ValueError(
                f'the teacher checkpoint {str(path)!r} is not there; train the teacher '
                f'first: python tools/train.py {shown} --work-dir {path.parent}'
            )

    def _local_checkpoint(self) -> Path | None:
        if self.checkpoint is None or '://' in str(self.checkpoint):
            return None
        return Path(self.checkpoint)
