"""A teacher whose outputs were stored, and are read instead of computed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from ckd_mm.adapters import Pair, Step, Value, build_adapter
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.cache.identity import data_identity
from ckd_mm.cache.replay import KEY
from ckd_mm.cache.store import Cache
from ckd_mm.checks import positive
from ckd_mm.registry import TEACHERS
from ckd_mm.teachers.base import Request, TeacherKind
from ckd_mm.teachers.cacheable import (
    check_context,
    check_hooks,
    check_student,
    part_name,
    with_student_twice,
)
from ckd_mm.teachers.calibration import Calibration
from ckd_mm.teachers.classes import check_classes, class_names
from ckd_mm.teachers.without_model import ViewWithoutModel

__all__ = ['CachedTeacher', 'StoredTeacher']

LOGITS = 'logits'


@TEACHERS.register_module()
@dataclass(frozen=True)
class CachedTeacher(TeacherKind):
    """The outputs of a teacher that `tools/cache_teacher.py` has written.

    Args:
        cache: The folder.
        weight: Its share when a term averages several teachers.
        classes: The names of its classes in their order, where the cache has none.
        class_map: The student's names of some classes, by the teacher's names.
        calibrate: `dict(below=0.3, smoothing=0.1)`, to put the smoothed label in place
            of logits of which the teacher is not sure, as FerKD does.

    Raises:
        ValueError: An option has a wrong type or value.
    """

    key = 'cache'
    key_in_words = 'the cache of a teacher'
    key_meaning = 'stands for the whole teacher'

    cache: Any = None
    weight: float = 1.0
    classes: Sequence[str] | None = None
    class_map: dict[str, str] | None = None
    calibrate: dict[str, float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.cache, (str, PathLike)):
            raise ValueError(f'teacher: cache must be a path, got {self.cache!r}')
        check_classes(self.classes)
        Calibration.read(self.calibrate)
        positive('teacher: weight', self.weight)

    def build(self, runner: Runner, device: torch.device) -> StoredTeacher:
        """The cache, opened.

        Raises:
            ValueError: It is not whole, or not of this run's data.
        """
        cache = Cache(self.cache)
        check_hooks(runner.hooks)
        cache.check(data_identity(runner))
        print_log(f'Teacher: {cache.summary()}', logger='current')
        named = self.classes is not None or self.class_map is not None
        has_logits = 'logits' in cache.manifest['parts']
        names = (
            class_names(runner, self, cache.manifest.get('classes'))
            if named or has_logits
            else None
        )
        return StoredTeacher(
            cache, self.weight, names, calibration=Calibration.read(self.calibrate)
        )

    def sketch(self, runner: Runner, student: BaseModel) -> StoredTeacher:
        """The cache, read as if each batch were its first images."""
        return StoredTeacher(Cache(self.cache), is_sketch=True)

    def check(self) -> None:
        """Open the cache.

        Raises:
            ValueError: It is not whole.
        """
        Cache(self.cache)

    def files(self) -> list[Path]:
        """The file that names the cache's data and its teacher's weights."""
        return [Path(self.cache) / 'cache.json']


@dataclass(frozen=True)
class StoredTeacher:
    """A teacher whose outputs are read.

    Args:
        cache: Its outputs for the images of this run.
        weight: Its share when a term averages several teachers.
        names: The names of its classes and of the student's.
        is_sketch: Whether values do not count, only their shapes.
        calibration: Where the label takes the place of its logits, if anywhere.
    """

    cache: Cache
    weight: float = 1.0
    names: ClassNames | None = None
    is_sketch: bool = False
    calibration: Calibration | None = None

    @property
    def replays(self) -> tuple[int, int]:
        """Epochs and seed of the augmentations that it has seen."""
        return self.cache.epochs, self.cache.seed

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> StoredView:
        """Its view for some terms.

        Raises:
            ValueError: The terms fit neither the student nor the cache.
        """
        return StoredView(student, self, requests)

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Nothing: outputs for training images are no model."""
        return {}


class StoredView(ViewWithoutModel):
    """Stored outputs of a teacher, beside the student's.

    The adapter gets the student twice, as there is no teacher: only the student's
    readouts are used.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The cache.
        requests: What the terms that listen to it ask for, by name.

    Raises:
        ValueError: The terms fit neither the student nor the cache.
    """

    def __init__(
        self,
        student: BaseModel,
        teacher: StoredTeacher,
        requests: Mapping[str, Request],
    ) -> None:
        check_student(student, {name: one.on for name, one in requests.items()})
        self.cache, self._is_sketch = teacher.cache, teacher.is_sketch
        names = _names(teacher)
        adapter = build_adapter(student, student, names)
        self._parts = {name: part_name(one.on) for name, one in requests.items()}
        self._calibration = teacher.calibration
        self.terms = {
            name: adapter.bind(
                name,
                with_student_twice(one.on),
                self._context(name, one),
                users=one.users,
            )
            for name, one in requests.items()
        }
        check_context(
            self.terms,
            'a cache',
            'run the teacher: give the teacher=dict(...) that the cache was made with',
        )
        self._check_calibration()
        self.cache.check_parts(self._parts.values())
        if names is None:  # else they are matched by name
            self._check_number_of_classes(student)
        self._values: dict[str, Value] = {}

    def run_teacher(self, step: Step) -> None:
        """Read the teacher's outputs for the batch that the student has just seen."""
        parts = [self._parts[name] for name in step.acting(self.terms)]
        device = step.inputs.device
        if self._is_sketch:
            self._values = self.cache.first(parts, len(step.inputs), device)
            return
        notes = [sample.get(KEY) for sample in step.data_samples]
        if None in notes:
            raise ValueError(
                'the images of the batch were not replayed: something has exchanged '
                "the data set of the training's data loader since training started"
            )
        self._values = self.cache.read(parts, notes, device)

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        pair = self.terms[term].pair_with(step, self.teacher_value(term, step))
        if self._calibration is None or self._parts[term] != LOGITS:
            return pair
        return self._calibration.applied(pair)

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term."""
        return self._values[self._parts[term]]

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self._values = {}

    def _context(self, term: str, request: Request) -> Collection[str]:
        """What a term asks for, and the labels where they calibrate its logits."""
        if self._calibration is None or self._parts[term] != LOGITS:
            return request.context
        return (*request.context, 'target')

    def _check_calibration(self) -> None:
        if self._calibration is None:
            return
        terms = [name for name, part in self._parts.items() if part == LOGITS]
        if not terms:
            raise ValueError(
                "teacher: calibrate is for terms with on='logits', and none compares "
                f'them ({", ".join(self._parts.values())}); leave it out'
            )
        for name in terms:
            self._calibration.check(self.terms[name])

    def _check_number_of_classes(self, student: BaseModel) -> None:
        head = getattr(student, 'head', None)
        classes = getattr(head, 'num_classes', None)
        if 'logits' not in self._parts.values() or classes is None:
            return
        (cached,) = self.cache.shape('logits')
        if cached != classes:
            raise ValueError(
                f'the cache {str(self.cache.folder)!r} holds logits of {cached} '
                f'classes, and the student has {classes}; name the classes of the '
                'teacher, in their order, with teacher=dict(cache=..., classes=[...])'
            )


def _names(teacher: StoredTeacher) -> ClassNames | None:
    """The names of the classes; the cache knows how many the teacher has."""
    if teacher.names is None or 'logits' not in teacher.cache.manifest['parts']:
        return None
    (number,) = teacher.cache.shape('logits')
    return replace(teacher.names, num_teacher=number)
