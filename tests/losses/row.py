"""What the battery knows of one registered loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

import ckd_mm.losses  # noqa: F401 (registers)
from ckd_mm.registry import LOSSES as REGISTRY
from ckd_mm.registry import build

from .samples import Change, Sample, draw

__all__ = [
    'BAD_TEMPERATURES',
    'PADDING_AND_SIZE',
    'LossRow',
    'Mismatch',
    'bad_numbers',
]


@dataclass(frozen=True)
class Mismatch:
    """Two shapes that a loss refuses, and its message."""

    student: tuple[int, ...]
    teacher: tuple[int, ...]
    message: str

    def __str__(self) -> str:
        return f'{self.student}-{self.teacher}'


@dataclass(frozen=True)
class LossRow:
    """What the battery knows of one registered loss.

    Args:
        rest: The shape of one row of its sample: (C,), (D,) or (C, H, W).
        golden: Names of its cases in `tests/golden/index.json`.
        needs: What it takes of a sample beside both models and the labels.
        needs_by_option: What it takes beside that where an option asks for it.
        is_derivative: Whether the gradient is all of the value's derivative; not where
            the paper takes a statistic of the batch as a constant.
        teacher_learns: Whether the teacher's gradient is left to whoever freezes it,
            because both models may be learning.
        steepest_at_zero: A bound of the gradient for a student that is all zeros.
        broken_by: Options with which an invariance does not hold, by its name.
    """

    class_name: str
    function: Callable[..., Tensor]
    reference: Callable[..., Tensor]
    defaults: dict[str, Any]
    kwargs_sets: tuple[dict[str, Any], ...]
    invariances: dict[str, Change]
    refused: tuple[dict[str, Any], ...]
    rest: tuple[int, ...]
    mismatches: tuple[Mismatch, ...]
    golden: tuple[str, ...]
    needs_target: bool = False
    has_statistics: bool = False
    needs: tuple[str, ...] = ()
    needs_by_option: tuple[str, ...] = ()
    is_derivative: bool = True
    teacher_learns: bool = False
    steepest_at_zero: float = 100.0
    broken_by: dict[str, dict[str, Any]] = field(default_factory=dict)

    def draw(self, rows: int, *, seed: int = 0, scale: float = 2.0) -> Sample:
        return draw(rows, *self.rest, seed=seed, scale=scale)

    def build(self, **config: Any) -> Any:
        """The registered loss."""
        return build(REGISTRY, {'type': self.class_name, **config})

    def inputs(self, sample: Sample) -> tuple[Any, ...]:
        """What the loss takes of a sample, in order."""
        target = (sample.target,) if self.needs_target else ()
        others = (getattr(sample, need) for need in self.needs)
        return (sample.student, sample.teacher, *target, *others)


def bad_numbers(name: str, *more: Any) -> tuple[dict[str, Any], ...]:
    """Arguments that no number of a loss accepts."""
    values = (-1.0, float('nan'), float('inf'), '4', None, True, [1.0], *more)
    return tuple({name: value} for value in values)


BAD_TEMPERATURES = bad_numbers('temperature', 0)

PADDING_AND_SIZE: tuple[dict[str, Any], ...] = (
    *({'resize': bad} for bad in ('larger', 7, (7, 0), (7,), [True, 7], (7, 7.0))),
    *({'ignore_padding': bad} for bad in (1, 'False', None)),
)
