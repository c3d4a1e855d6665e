"""One teacher beside the student: its inputs, and the pairs that terms get from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters import Step, build_adapter
from ckd_mm.adapters.core.batch_checks import check_batch
from ckd_mm.adapters.core.pair_spec import Value
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import Teacher, TeacherInputs
from ckd_mm.teachers.streams import SideStream

__all__ = ['Source', 'average']


class Source:
    """A teacher, in the terms that listen to it.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher.
        terms: Those that compare with this teacher.
        preprocessor: What normalises the student's images; `None` is its own.

    Raises:
        ValueError: The terms do not fit the two models.
    """

    _stream: SideStream | None = None
    _begun: tuple[Tensor, Any] | None = None

    def __init__(
        self,
        student: BaseModel,
        teacher: Teacher,
        terms: Sequence[Term],
        preprocessor: nn.Module | None = None,
    ) -> None:
        self.terms = [term.name for term in terms]
        self.weight = teacher.weight
        self.speed = teacher.speed
        device = next(student.parameters()).device
        wanted = {term.name: (term.on, term.needs) for term in terms}
        self.adapter = build_adapter(student, teacher.model, wanted, teacher.names)
        self.inputs = TeacherInputs(
            preprocessor or student.data_preprocessor, teacher.model.data_preprocessor
        ).to(device)
        if self.speed.stream:
            self._stream = SideStream(device)
        self._step: Step | None = None

    def attach(self) -> None:
        """Put the forward hooks onto both models."""
        self.adapter.attach()

    def detach(self) -> None:
        """Take them off again."""
        self.adapter.detach()

    def before(self, inputs: Tensor, data_samples: Sequence[Any]) -> None:
        """Listen to the student's forward, which is about to begin with this batch.

        Raises:
            ValueError: It is not one tensor of images.
        """
        check_batch(inputs, data_samples)
        self.adapter.student_recorder.open()
        if self._stream is not None:
            with self._stream.beside():
                self._begun = self._begin(inputs, data_samples)

    def after(self) -> None:
        """Stop listening."""
        self.adapter.student_recorder.close()

    def observe(
        self, inputs: Tensor, data_samples: Sequence[Any], epoch: float
    ) -> None:
        """Run the teacher on the batch that the student has just seen."""
        if self._stream is not None:
            self._stream.join()
        images, features = self._begun or self._begin(inputs, data_samples)
        noted = self.adapter.student_recorder.calls
        step = Step(inputs, data_samples, noted, epoch)
        with self.speed.autocast(images.device):
            self.adapter.note_teacher(images, features, step)
        self.adapter.note_student(step)
        self._step = step

    def pair(self, term: str) -> dict[str, Any]:
        """The arguments of a term's loss in this step."""
        assert self._step is not None, 'pair() before observe()'
        return self.adapter.pair(term, self._step)

    def teacher_side(self, term: str) -> Value:
        """What the pair of a term has of the teacher in this step."""
        assert self._step is not None, 'teacher_side() before observe()'
        return self.adapter.teacher_side(term, self._step)

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.adapter.forget()
        self._begun = self._step = None

    def _begin(self, inputs: Tensor, data_samples: Sequence[Any]) -> tuple[Tensor, Any]:
        """The teacher's images and its feature maps."""
        images = self.speed.inputs(self.inputs(inputs, data_samples))
        with self.speed.autocast(images.device):
            return images, self.adapter.note_features(images)


def average(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The weighted mean of what several teachers say; level by level for pyramids.

    Args:
        values: A tensor of each teacher, or a tuple of them by level.
        weights: > 0, in any scale.

    Raises:
        ValueError: The shapes differ.
    """
    if len(values) == 1:
        return values[0]
    sides = [(value,) if isinstance(value, Tensor) else value for value in values]
    shapes = [[tuple(level.shape) for level in side] for side in sides]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(
            f'teachers that are averaged must agree in shape, got {shapes}; give each '
            'a term of its own with teacher=NUMBER'
        )
    means = tuple(_mean(level, weights) for level in zip(*sides, strict=True))
    return means[0] if isinstance(values[0], Tensor) else means


def _mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    mean = torch.zeros_like(values[0])
    for value, weight in zip(values, weights, strict=True):
        mean.add_(value, alpha=weight / sum(weights))
    return mean
