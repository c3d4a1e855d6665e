"""What runs in a step of detectors with queries: the decoders of both models.

Shape suffixes: N images, Q queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters.core.batch_checks import check_number
from ckd_mm.adapters.core.passes import Made, Pass
from ckd_mm.adapters.core.prompts import PromptedHead
from ckd_mm.adapters.core.recorder import Tap
from ckd_mm.adapters.core.step import Step
from ckd_mm.adapters.core.traces import without_traces
from ckd_mm.adapters.query.decoder import QueryDecoder
from ckd_mm.adapters.query.questions import Questions

__all__ = ['AskedStudent', 'AskedTeacher', 'TeacherQueries']


@dataclass(frozen=True)
class TeacherQueries(PromptedHead):
    """All that makes queries of feature maps, and of a prompt where there is one."""

    def run(self, images: Tensor, step: Step, made: Made) -> Any:
        # The size of the teacher's batch, and nothing of the ground truth
        shape = tuple(images.shape[-2:])
        samples = [
            type(one)(metainfo={**one.metainfo, 'batch_input_shape': shape})
            for one in step.data_samples
        ]
        features, prompts = self.inputs(step, made)
        return self.head.run(features, samples, prompts)


@dataclass(frozen=True)
class KeptQueries(TeacherQueries):
    """The same, keeping what the decoder gets."""

    def covers(self, other: Pass) -> bool:
        return type(other) is TeacherQueries

    def run(self, images: Tensor, step: Step, made: Made) -> dict[str, Any]:
        """What the decoder gets, by name."""
        with _noted(self.head.model.decoder) as inputs:
            super().run(images, step, made)
        return inputs


@dataclass(frozen=True)
class AskedTeacher(Pass):
    """The teacher's decoder once more, for queries that are not its own."""

    questions: Questions
    teacher: QueryDecoder = field(compare=False, repr=False)
    has_own_taps = True

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (KeptQueries(self.teacher.head),)

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        inputs = made[self.needs[0]]
        self.teacher.answer(inputs, self.questions.made(inputs, step))


@dataclass(frozen=True)
class AskedStudent(Pass):
    """The student's decoder once more, with gradient, for the same queries.

    Its encoder does not run again: the decoder sees what it saw in the training step.
    """

    questions: Questions
    student: QueryDecoder = field(compare=False, repr=False)
    teacher: QueryDecoder = field(compare=False, repr=False)
    chosen_by: int = field(init=False, repr=False)
    has_own_taps = True
    of_student = True

    def __post_init__(self) -> None:
        object.__setattr__(self, 'chosen_by', id(self.teacher.head.model))

    @property
    def needs(self) -> tuple[Pass, ...]:
        return (KeptQueries(self.teacher.head),)

    @property
    def student_taps(self) -> tuple[Tap, ...]:
        return (self.student.inputs,)

    def run(self, images: Tensor, step: Step, made: Made) -> None:
        (inputs,) = step.noted(self.student.inputs)
        queries = self.questions.made(made[self.needs[0]], step)
        check_number([inputs['query']], [queries['query']])
        model = self.student.head.model
        with without_traces(model, inputs['query'].device):
            self.student.answer(inputs, queries)


@contextmanager
def _noted(decoder: BaseModel) -> Iterator[dict[str, Any]]:
    """What a decoder gets by name while this lasts."""
    inputs: dict[str, Any] = {}

    def note(module: Any, args: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        inputs.update(keywords)

    handle = decoder.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield inputs
    finally:
        handle.remove()
