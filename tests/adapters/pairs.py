"""What a loss is given in one step of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import nn

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.schedules import Schedule
from ckd_mm.engine.terms import Term
from ckd_mm.teachers import Speed, Teacher

__all__ = ['Pair', 'pair', 'pairs']

Pair = dict[str, Any]


class _Asks(nn.Module):
    """A loss that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: Pair = {}

    def forward(self, **given: Any) -> torch.Tensor:
        self.given = given
        student = given['student']
        parts = (student,) if isinstance(student, torch.Tensor) else student
        return torch.stack([part.sum() for part in parts]).sum() * 0.0


class _Wants(Term):
    """A term whose loss asks for extras by name."""

    wants: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return self.wants


def pair(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
    on: Any,
    *extras: str,
    epoch: float = 0.0,
    speed: Speed | None = None,
    names: ClassNames | None = None,
) -> Pair:
    """The arguments of the loss of a term `on` in one training step on `batch`."""
    wanted = {'term': (on, extras)}
    given = pairs(student, teacher, batch, wanted, epoch, speed, names)
    return given['term']


def pairs(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
    wanted: Mapping[str, tuple[Any, Sequence[str]]],
    epoch: float = 0.0,
    speed: Speed | None = None,
    names: ClassNames | None = None,
) -> dict[str, Pair]:
    """The same of several terms in one step: by name, its `on` and the extras."""
    losses = {name: _Asks() for name in wanted}
    terms = [_Wants(name, wanted[name][0], losses[name], Schedule()) for name in wanted]
    for term in terms:
        object.__setattr__(term, 'wants', wanted[term.name][1])
    distiller = Distiller(
        student, [Teacher(teacher, 1.0, speed or Speed(), names)], terms
    )
    distiller.epoch = epoch
    data = student.data_preprocessor(batch, True)
    distiller.attach()
    try:
        student(**data, mode='loss')
    finally:
        distiller.detach()
    return {name: loss.given for name, loss in losses.items()}
