"""Makes the pairs of each step, from a student, its teachers and the terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import BoundTerm, Pair, Step, Value
from ckd_mm.adapters.core.batch_checks import check_batch
from ckd_mm.adapters.core.semi_supervised import preprocessor_of, student_within
from ckd_mm.engine.student_view import StudentView
from ckd_mm.probing.steps import first_iteration
from ckd_mm.random_state import preserved_random_state
from ckd_mm.teachers import Request, Teacher, TeacherView

__all__ = ['PairMaker']


class PairMaker:
    """Makes the pair of each term in a step of the student.

    Args:
        student: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        teachers: The teachers; there may be none.
        requests: What each term asks for, by its name.

    Raises:
        ValueError: The terms do not fit the models.
    """

    def __init__(
        self,
        student: BaseModel,
        teachers: Sequence[Teacher],
        requests: Mapping[str, Request],
    ) -> None:
        self.weights = [teacher.weight for teacher in teachers]
        self.views: list[TeacherView] = [
            teacher.view(
                student_within(student),
                {
                    name: request
                    for name, request in requests.items()
                    if request.listens_to(number)
                },
                preprocessor_of(student),
            )
            for number, teacher in enumerate(teachers)
        ]
        taps = [tap for view in self.views for tap in view.student_taps]
        self.student = StudentView(student, taps)
        self._attached: tuple[Any, Any] | None = None
        for name in requests:
            _check_same_rows(name, [view.terms[name] for view in self.heard(name)])

    def heard(self, term: str) -> list[TeacherView]:
        """The teachers that a term listens to."""
        return [view for view in self.views if term in view.terms]

    def bound(self, term: str) -> BoundTerm:
        """A term, bound to the first of its teachers."""
        return self.heard(term)[0].terms[term]

    def start(
        self,
        inputs: Tensor,
        data_samples: Sequence[Any],
        terms: Collection[str],
        epoch: float = 0.0,
    ) -> Step:
        """Begin a step for some terms, before the student's forward.

        Raises:
            ValueError: The batch is not one tensor of images.
        """
        check_batch(inputs, data_samples)
        step = Step(inputs, data_samples, self.student.recorder, epoch, set(terms))
        for view in self.views_of(terms):
            view.start(step)
        return step

    def pair(self, term: str, step: Step) -> Pair:
        """What the loss of a term gets; of several teachers, their weighted mean.

        The student's value is the same beside each of them, see `_check_same_rows`.
        """
        pairs, weights = [], []
        for view, weight in zip(self.views, self.weights, strict=True):
            if term in view.terms:
                pairs.append(view.pair(term, step))
                weights.append(weight)
        with torch.no_grad():
            teacher = average([pair.teacher for pair in pairs], weights)
        return replace(pairs[0], teacher=teacher)

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.student.forget()
        for view in self.views:
            view.forget()

    def pairs(self, batch: dict[str, Any], epoch: float = 0.0) -> dict[str, Pair]:
        """What the loss of each term would get of a batch.

        The student makes one training step without a backward pass, in the mode that it
        is in. In training mode the statistics of its normalisation layers move. Random
        states stay the same. It may be called between the steps of a run as well.

        Args:
            batch: As a data loader gives it; the student's preprocessor prepares it.
            epoch: How many epochs are done, for losses that ask for it.

        Raises:
            ValueError: A term does not fit the models.
        """
        terms = {name: None for view in self.views for name in view.terms}
        found: dict[str, Pair] = {}

        def before(inputs: Any, data_samples: Any) -> Step:
            return self.start(inputs, data_samples, terms, epoch)

        def after(step: Step, losses: dict[str, Any]) -> dict[str, Any]:
            for view in self.views:
                view.run_teacher(step)
                view.rerun_student(step)
            found.update({name: self.pair(name, step) for name in terms})
            self.forget()
            return losses

        in_a_run = self._attached
        self.detach()
        self.attach(before, after)
        try:
            with first_iteration(), preserved_random_state():
                student = self.student.model
                data = student.data_preprocessor(deepcopy(batch), True)
                student(**data, mode='loss')
        finally:
            self.detach()
            if in_a_run is not None:
                self.attach(*in_a_run)
        return found

    def attach(self, before: Any, after: Any) -> None:
        """Put the forward hooks onto all models, see :meth:`StudentView.attach`."""
        for view in self.views:
            view.attach()
        self.student.attach(before, after)
        self._attached = (before, after)

    def detach(self) -> None:
        """Take them off again."""
        for view in self.views:
            view.detach()
        self.student.detach()
        self._attached = None

    def views_of(self, terms: Iterable[str]) -> list[TeacherView]:
        """The teachers that any of these terms listens to."""
        names = set(terms)
        return [view for view in self.views if not names.isdisjoint(view.terms)]


def average(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The weighted mean of several teachers' values; level by level for pyramids.

    Args:
        values: A tensor of each teacher, or a tuple of them by level.
        weights: > 0, in any scale.

    Raises:
        ValueError: The shapes differ.
    """
    if len(values) == 1:
        return values[0]
    by_teacher = [(one,) if isinstance(one, Tensor) else one for one in values]
    shapes = [[tuple(level.shape) for level in levels] for levels in by_teacher]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(
            f'teachers that are averaged must agree in shape, got {shapes}; give each '
            'a term of its own with teacher=NUMBER'
        )
    means = tuple(_mean(levels, weights) for levels in zip(*by_teacher, strict=True))
    return means[0] if isinstance(values[0], Tensor) else means


def _mean(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    mean = torch.zeros_like(values[0])
    for value, weight in zip(values, weights, strict=True):
        mean.add_(value, alpha=weight / sum(weights))
    return mean


def _check_same_rows(term: str, bound: Sequence[BoundTerm]) -> None:
    """Check that a term does not average rows that are not the same."""
    if len(bound) > 1 and bound[0].by_teacher:
        raise ValueError(
            f'term {term!r} compares rows that the teacher chooses, and '
            f'hears {len(bound)} teachers, whose rows differ; give each a term '
            'of its own with teacher=NUMBER'
        )
    if len({str(one.classes) for one in bound}) > 1:
        raise ValueError(
            f'term {term!r} averages {len(bound)} teachers that have '
            'different classes in common with the student; give each a term '
            'of its own with teacher=NUMBER'
        )
