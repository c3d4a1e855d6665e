"""The pairs of terms whose teacher's side is read from a cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import Step, build_adapter
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.adapters.core.pair_spec import Value
from ckd_mm.cache.replay import KEY
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import CachedTeacher
from ckd_mm.teachers.cached_parts import check_student, part_name, student_part
from ckd_mm.teachers.view import Source

__all__ = ['CachedSource']


class CachedSource(Source):
    """A cached teacher, in the terms that listen to it.

    The adapter gets the student in the teacher's place: only its side is read.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The cache.
        terms: Those that compare with it.

    Raises:
        ValueError: The terms fit neither the student nor the cache.
    """

    def __init__(
        self, student: BaseModel, teacher: CachedTeacher, terms: Sequence[Term]
    ) -> None:
        check_student(student, terms)
        self.terms = [term.name for term in terms]
        self.weight = teacher.weight
        self.cache = teacher.cache
        wanted = {term.name: (student_part(term.on), term.needs) for term in terms}
        self.adapter = build_adapter(student, student, wanted, self._names(teacher))
        self._parts = {term.name: part_name(term.on) for term in terms}
        self.cache.check_parts(self._parts.values())
        self._check_classes(student)
        self._step: Step | None = None
        self._values: dict[str, Value] = {}

    def attach(self) -> None:
        self.adapter.student_recorder.attach()

    def detach(self) -> None:
        self.adapter.student_recorder.detach()

    def observe(
        self, inputs: Tensor, data_samples: Sequence[Any], epoch: float
    ) -> None:
        """Read what the teacher said of the batch that the student has just seen."""
        noted = self.adapter.student_recorder.calls
        notes = [sample.get(KEY) for sample in data_samples]
        if None in notes:
            raise ValueError(
                'the images of the batch were not replayed: something has exchanged '
                "the data set of the training's data loader since training started"
            )
        self._values = self.cache.read(self._parts.values(), notes, inputs.device)
        self._step = Step(inputs, data_samples, noted, epoch)

    def pair(self, term: str) -> dict[str, Any]:
        assert self._step is not None, 'pair() before observe()'
        value = self._values[self._parts[term]]
        return self.adapter.pair_with(term, value, self._step)

    def forget(self) -> None:
        self._values = {}
        super().forget()

    def _names(self, teacher: CachedTeacher) -> ClassNames | None:
        """The names of the classes; the cache knows how many the teacher has."""
        if teacher.names is None or 'logits' not in self.cache.manifest['parts']:
            return None
        (number,) = self.cache.shape('logits')
        return replace(teacher.names, num_teacher=number)

    def _check_classes(self, student: BaseModel) -> None:
        classes = getattr(student.head, 'num_classes', None)
        if 'logits' not in self._parts.values() or classes is None:
            return
        if self.adapter.names is not None:  # matched by name
            return
        (cached,) = self.cache.shape('logits')
        if cached != classes:
            raise ValueError(
                f'the cache {str(self.cache.folder)!r} holds logits of {cached} '
                f'classes, and the student has {classes}; name the classes of the '
                'teacher, in their order, with teacher=dict(cache=..., classes=[...])'
            )
