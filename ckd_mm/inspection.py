"""What can be distilled between two models: found by trying, on one random batch.

For `tools/inspect_distillation.py`, and for whoever wants to know it in Python.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from ckd_mm.adapters import Comparison, Missing, Part, find_adapter
from ckd_mm.adapters.class_logits import Columns, Pixels
from ckd_mm.adapters.parts import options_of
from ckd_mm.batches import random_batch
from ckd_mm.defaults import maps_loss, part_term
from ckd_mm.distiller import Distiller
from ckd_mm.errors import as_value_error
from ckd_mm.random_state import preserved_random_state
from ckd_mm.schedules import Schedule
from ckd_mm.semi_supervised import student_within, teacher_within
from ckd_mm.teachers import Teacher
from ckd_mm.terms import Term

__all__ = [
    'Finding',
    'attached',
    'batch_that_trains',
    'find_parts',
    'forward_seconds',
    'run_student',
    'training_step',
]

Shapes: TypeAlias = tuple[tuple[int, ...], ...]

LARGER = (512, 512)
"""Height and width for models whose coarsest level would be too small."""


@dataclass(frozen=True)
class Finding:
    """One part of two models.

    Args:
        on: Its name.
        student: The shapes of the student's value, by level for feature maps.
        teacher: The teacher's.
        extras: What a loss can ask for by name.
        options: The options of the part, with their defaults.
        columns: What the columns of class logits are.
        reason: Why it cannot be compared; empty if it can.
    """

    on: str
    student: Shapes = ()
    teacher: Shapes = ()
    extras: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    columns: Columns | Pixels | None = None
    reason: str = ''

    @property
    def term(self) -> dict[str, Any] | None:
        """`on` and `loss` of the default term for it; `None` if there is none."""
        if self.reason:
            return None
        if not self.is_maps and self.on != 'embedding':
            return part_term(self.on, self.columns)
        own, other = self.widths
        if len(own) != len(other):
            return None
        return dict(on=self.on, loss=maps_loss((own, other), self.same_sizes))

    @property
    def same_sizes(self) -> bool:
        """Whether each level is a map of one height and width in both."""
        sizes = [[shape[2:] for shape in side] for side in (self.student, self.teacher)]
        return self.is_maps and sizes[0] == sizes[1]

    @property
    def is_maps(self) -> bool:
        """Whether it is feature maps rather than rows."""
        return any(len(shape) == 4 for shape in self.student)

    @property
    def widths(self) -> tuple[list[int], list[int]]:
        """Channels, or columns, of both by level."""
        own, other = (
            [shape[1] for shape in side] for side in (self.student, self.teacher)
        )
        return own, other

    @property
    def connectors(self) -> str:
        """What stands between the two."""
        own, other = self.widths
        if len(own) != len(other):
            return f'{len(own)} and {len(other)} levels: name modules of one size'
        notes = []
        if own != other:
            notes.append(f'student_channels={own}, teacher_channels={other}')
        if self.is_maps and not self.same_sizes:
            notes.append('other sizes: a loss that pools')
        return '; '.join(notes) or 'none'


def find_parts(
    student: BaseModel, teacher: BaseModel, batch: dict[str, Any] | None
) -> list[Finding]:
    """All parts that the student's adapter knows, tried one by one.

    The student's weights stay; the statistics of its normalisation layers move.

    Args:
        student: The student.
        teacher: The teacher.
        batch: What to try them on; `None` tries none of those that need a step.

    Raises:
        ValueError: No adapter knows the student.
    """
    with as_value_error('finding the parts of these two models'):
        trained, teacher = student_within(student), teacher_within(teacher)
        adapter = find_adapter(trained)(trained, teacher, {})
        known = adapter.comparisons()
    found = _tried(_there(known), student, teacher, batch)
    return [
        Finding(on, reason=part.reason) if isinstance(part, Missing) else found[on]
        for on, part in known.items()
    ]


def batch_that_trains(model: BaseModel, shape: tuple[int, int]) -> dict[str, Any]:
    """A random batch of this size, or of a larger one if the model needs that.

    Raises:
        ValueError: No batch can be made, or the model's own training step fails on it.
    """
    batch = random_batch(model, shape)
    try:
        run_student(model, batch)
    except ValueError as error:
        larger = random_batch(model, LARGER)
        try:
            run_student(model, larger)
        except ValueError:
            raise error from None
        return larger
    return batch


def run_student(model: BaseModel, batch: dict[str, Any]) -> dict[str, Any]:
    """The losses of one training step, which changes no weight.

    Raises:
        ValueError: It ends in any exception.
    """
    with _in_a_run(model):
        data = model.data_preprocessor(deepcopy(batch), True)
        return model(**data, mode='loss')


def training_step(
    model: BaseModel, batch: dict[str, Any], optimizer: OptimWrapper
) -> dict[str, Tensor]:
    """One training step as a runner takes it, and what it logs.

    Raises:
        ValueError: It ends in any exception.
    """
    with _in_a_run(model):
        return model.train_step(deepcopy(batch), optimizer)


@contextmanager
def _in_a_run(model: BaseModel) -> Iterator[None]:
    with (
        as_value_error(f'a training step of a {type(model).__name__}'),
        preserved_random_state(),
        _first_iteration(),
    ):
        model.train()
        yield


@contextmanager
def _first_iteration() -> Iterator[None]:
    """What a runner tells models, some of which warm up."""
    hub = MessageHub.get_current_instance()
    added = [name for name in ('iter', 'epoch') if hub.get_info(name) is None]
    for name in added:
        hub.update_info(name, 0)
    try:
        yield
    finally:
        for name in added:
            hub.pop_info(name)


def forward_seconds(model: BaseModel, batch: dict[str, Any], repeats: int = 3) -> float:
    """The median time of a prediction, post-processing included.

    Without it, a model with masks would make one for each of its proposals.

    Raises:
        ValueError: The prediction ends in any exception.
    """
    seconds = []
    with as_value_error(f'a prediction of a {type(model).__name__} on a random batch'):
        model.eval()
        data = model.data_preprocessor(deepcopy(batch), False)
        for _ in range(repeats):
            start = time.perf_counter()
            with torch.no_grad():
                model(data['inputs'], data['data_samples'], mode='predict')
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


class _Probe(nn.Module):
    """A loss that keeps the shapes of what it is given."""

    shapes: tuple[Shapes, Shapes]

    def forward(self, student: Any, teacher: Any) -> Tensor:
        self.shapes = _shapes(student), _shapes(teacher)
        return torch.zeros(())


_There: TypeAlias = Comparison | Callable[..., Comparison]


def _there(known: Mapping[str, Part]) -> dict[str, _There]:
    return {on: part for on, part in known.items() if not isinstance(part, Missing)}


def _tried(
    parts: Mapping[str, _There],
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any] | None,
) -> dict[str, Finding]:
    """What a step gives for each; one by one where a step with all of them fails."""
    if batch is None:
        reason = 'not tried, as there is no batch to try it on'
        return {
            on: Finding(on, options=options_of(part), reason=reason)
            for on, part in parts.items()
        }
    try:
        return _in_one_step(parts, student, teacher, batch)
    except ValueError as error:
        if len(parts) == 1:
            ((on, part),) = parts.items()
            return {on: Finding(on, options=options_of(part), reason=str(error))}
    return {
        name: finding
        for on, part in parts.items()
        for name, finding in _tried({on: part}, student, teacher, batch).items()
    }


def _in_one_step(
    parts: Mapping[str, _There],
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
) -> dict[str, Finding]:
    """What one step gives for each of these parts.

    Raises:
        ValueError: The step, or one of the parts in it, ends in any exception.
    """
    probes = {on: _Probe() for on in parts}
    with as_value_error('the step with this part'):
        columns = {
            on: (part if isinstance(part, Comparison) else part()).columns
            for on, part in parts.items()
        }
        terms = [Term(on, on, probe, Schedule()) for on, probe in probes.items()]
        distiller = Distiller(student, [Teacher(teacher)], terms)
        with attached(distiller):
            run_student(student, batch)
    adapter = distiller.sources[0].adapter
    return {
        on: Finding(
            on,
            *probes[on].shapes,
            tuple(adapter.offers(on)),
            options_of(part),
            columns[on],
        )
        for on, part in parts.items()
    }


@contextmanager
def attached(distiller: Distiller) -> Iterator[None]:
    """Have a distiller listen to its student."""
    distiller.attach()
    try:
        yield
    finally:
        distiller.detach()


def _shapes(value: Tensor | Sequence[Tensor]) -> Shapes:
    levels = [value] if isinstance(value, Tensor) else value
    return tuple(tuple(level.shape) for level in levels)
