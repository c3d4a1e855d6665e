"""What a loss is given in one step of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModel

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.pairs import PairMaker
from ckd_mm.teachers import ModelTeacher, Request, Speed

__all__ = ['Pair', 'pair', 'pairs']

Pair = dict[str, Any]


def pair(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
    on: Any,
    *context: str,
    epoch: float = 0.0,
    speed: Speed | None = None,
    names: ClassNames | None = None,
) -> Pair:
    """The arguments of the loss of a term `on` in one training step on `batch`."""
    terms = {'term': (on, context)}
    return pairs(student, teacher, batch, terms, epoch, speed, names)['term']


def pairs(
    student: BaseModel,
    teacher: BaseModel,
    batch: dict[str, Any],
    terms: Mapping[str, tuple[Any, Sequence[str]]],
    epoch: float = 0.0,
    speed: Speed | None = None,
    names: ClassNames | None = None,
) -> dict[str, Pair]:
    """The same of several terms in one step: by name, its `on` and the context."""
    requests = {name: Request(on, context) for name, (on, context) in terms.items()}
    teachers = [ModelTeacher(teacher, 1.0, speed or Speed(), names)]
    found = PairMaker(student, teachers, requests).pairs(batch, epoch)
    return {name: one.arguments() for name, one in found.items()}
