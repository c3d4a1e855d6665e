"""A teacher that is a model, and its outputs beside the student's."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor, nn

from ckd_mm.adapters import (
    BoundTerm,
    Pair,
    Pass,
    Plan,
    Recorder,
    Step,
    Tap,
    Value,
    build_adapter,
)
from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.teachers.base import Request
from ckd_mm.teachers.evaluate import evaluate_teacher
from ckd_mm.teachers.inputs import TeacherInputs
from ckd_mm.teachers.speed import Speed
from ckd_mm.teachers.streams import SideStream

__all__ = ['ModelTeacher', 'ModelView']


@dataclass(frozen=True)
class ModelTeacher:
    """A model that teaches.

    Args:
        model: Frozen, on the student's device.
        weight: Its share when a term averages several teachers.
        speed: How its forward runs.
        names: The names of its classes and of the student's.
        evaluated: Whether it is evaluated before training.
    """

    model: BaseModel
    weight: float = 1.0
    speed: Speed = field(default_factory=Speed)
    names: ClassNames | None = None
    evaluated: bool = False

    @property
    def replays(self) -> None:
        """It sees the student's images, whatever their augmentation."""
        return None

    def view(
        self,
        student: BaseModel,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> ModelView:
        """Its view for some terms.

        Raises:
            ValueError: The terms do not fit the two models.
        """
        return ModelView(student, self, requests, preprocessor)

    def evaluate(self, runner: Runner) -> dict[str, Any]:
        """Its metrics on the run's validation set; empty if nobody asked for them.

        Raises:
            ValueError: The run has no validation loop.
        """
        return evaluate_teacher(self.model, runner) if self.evaluated else {}


class ModelView:
    """A model, run in each step as far as the terms need it.

    Args:
        student: The student, without a distributed wrapper.
        teacher: The teacher.
        requests: What the terms that listen to it ask for, by name.
        preprocessor: The module that normalises the student's images; `None` is the
            student's data preprocessor.

    Raises:
        ValueError: The terms do not fit the two models.
    """

    def __init__(
        self,
        student: BaseModel,
        teacher: ModelTeacher,
        requests: Mapping[str, Request],
        preprocessor: nn.Module | None = None,
    ) -> None:
        self.model, self.speed = teacher.model, teacher.speed
        adapter = build_adapter(student, teacher.model, teacher.names)
        self.terms: Mapping[str, BoundTerm] = {
            name: adapter.bind(name, one.on, one.context, one.connector, one.users)
            for name, one in requests.items()
        }
        self._passes = adapter.passes(self.terms)
        self.plan = Plan(itertools.chain.from_iterable(self._passes.values()))
        self._plans = {tuple(self.terms): self.plan}
        self.recorder = Recorder(
            teacher.model,
            [tap for bound in self.terms.values() for tap in bound.teacher_taps()],
        )
        announce = getattr(teacher.model, 'will_be_read', None)
        if announce is not None:
            announce({tap.module for tap in self.recorder.taps})
        device = next(student.parameters()).device
        self.inputs = TeacherInputs(
            preprocessor or student.data_preprocessor, teacher.model.data_preprocessor
        ).to(device)
        self._stream = SideStream(device) if self.speed.stream else None
        self._images: Tensor | None = None
        self._made: dict[Pass, Any] = {}

    @property
    def student_taps(self) -> Collection[Tap]:
        """The taps of the student's forward that it needs."""
        return self.taps_of(self.terms)

    def taps_of(self, terms: Collection[str]) -> Collection[Tap]:
        """Those of them that it needs for some of its terms."""
        names = [name for name in self.terms if name in terms]
        of_terms = (tap for name in names for tap in self.terms[name].student_taps())
        passes = self._plan_of(tuple(names)).passes
        return [*of_terms, *(tap for one in passes for tap in one.student_taps)]

    def attach(self) -> None:
        """Put the forward hooks onto the teacher."""
        self.recorder.attach()

    def detach(self) -> None:
        """Take them off again."""
        self.recorder.detach()

    def start(self, step: Step) -> None:
        """Run what needs the images alone on a GPU stream, if there is one for it."""
        if self._stream is not None:
            with self._stream.beside():
                self._run_features(step)

    def run_teacher(self, step: Step) -> None:
        """Run the teacher on the batch that the student has just seen."""
        if self._stream is not None:
            self._stream.join()
        if self._images is None:
            self._run_features(step)
        with torch.no_grad(), self.speed.autocast(step.inputs.device):
            self._run(self._plan(step).of_teacher, self.recorder, step)
        self.recorder.close()

    def rerun_student(self, step: Step) -> None:
        """Run what has gradient beside the student's forward.

        That is modules of the student once more, unless another teacher has run them,
        and modules of the teacher on the student's tensors. These run in the student's
        precision: a gradient without a loss scale would vanish in float16.
        """
        plan = self._plan(step)
        left = [one for one in plan.of_student if one not in step.reruns]
        self._run(left, step.student, step)
        step.reruns.update(left)
        self._run(plan.crossing, self.recorder, step)

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets in this step."""
        return self.terms[term].pair(step, self.recorder)

    def teacher_value(self, term: str, step: Step) -> Value:
        """The teacher's value for a term that does not choose rows."""
        return self.terms[term].teacher_value(step, self.recorder)

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.recorder.forget()
        self._images, self._made = None, {}

    def _run_features(self, step: Step) -> None:
        """Make the teacher's images, and run what needs nothing else."""
        self.model.eval()  # in case train() was called since the last step
        self.recorder.open()
        images = self.inputs(step.inputs, step.data_samples)
        self._images, self._made = self.speed.inputs(images), {}
        with torch.no_grad(), self.speed.autocast(images.device):
            self._run(self._plan(step).before_step, self.recorder, step)

    def _plan(self, step: Step) -> Plan:
        """The passes of the terms that act in a step."""
        return self._plan_of(tuple(step.acting(self.terms)))

    def _plan_of(self, acting: tuple[str, ...]) -> Plan:
        """One plan for each set of terms."""
        if acting not in self._plans:
            passes = (self._passes[name] for name in acting)
            self._plans[acting] = Plan(itertools.chain.from_iterable(passes))
        return self._plans[acting]

    def _run(self, passes: Sequence[Pass], recorder: Recorder, step: Step) -> None:
        assert self._images is not None
        for one in passes:
            with recorder.during(one if one.has_own_taps else None):
                self._made[one] = one.run(self._images, step, self._made)
