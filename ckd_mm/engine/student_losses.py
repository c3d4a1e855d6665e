"""The student's losses, and how much each of them counts over training."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mmengine.logging import print_log
from torch import Tensor

from ckd_mm.checks import is_number
from ckd_mm.engine.schedules import Schedule, build_schedule
from ckd_mm.registry import did_you_mean

__all__ = ['StudentLosses']

KEYS = ('value', 'schedule')
"""What a weight that changes over training says; no loss has such a name."""


class StudentLosses:
    """Scales the student's losses.

    Args:
        weight: A factor on all of them, or one per loss key. A factor is a number, or
            `dict(value=(FIRST, LAST), schedule=dict(...))`: it goes from the first to
            the last number as the schedule's factor goes from 0 to 1.

    Raises:
        ValueError: A factor is no finite number >= 0, or its schedule is wrong.
    """

    def __init__(self, weight: float | dict[str, Any] = 1.0) -> None:
        by_key = isinstance(weight, dict) and not _changes(weight)
        self._of_all = None if by_key else _read(weight, weight)
        self._of_keys = (
            {key: _read(one, weight) for key, one in weight.items()}
            if isinstance(weight, dict) and by_key
            else {}
        )
        self.unlogged = [*self._of_keys]
        """Losses that have a weight and were not logged in any step so far."""
        self._is_first = True
        self._iteration, self._iters_per_epoch = 0, 1

    def resolve(self, max_iters: int, iters_per_epoch: int) -> None:
        """Fill in the end of training, before the first step.

        Raises:
            ValueError: A schedule does not fit into the training.
        """
        size = max_iters, iters_per_epoch
        if self._of_all is not None:
            self._of_all = self._of_all.resolved(*size)
        self._of_keys = {key: one.resolved(*size) for key, one in self._of_keys.items()}

    def begin(self, iteration: int, iters_per_epoch: int) -> None:
        """Say how far training is, before a step; iterations count from 0."""
        self._iteration, self._iters_per_epoch = iteration, iters_per_epoch

    def __call__(self, losses: dict[str, Any]) -> dict[str, Any]:
        """The losses of one step, scaled."""
        now = self._iteration, self._iters_per_epoch
        if self._of_all is None:
            self._note_logged(losses)
            weights = {key: one.at(*now) for key, one in self._of_keys.items()}
        else:
            weights = dict.fromkeys(
                (key for key in losses if 'loss' in key), self._of_all.at(*now)
            )
        # MMEngine logs the sum of all losses as `loss`; a classifier's own loss of that
        # name would hide it.
        return {
            'loss_student' if key == 'loss' else key: (
                _scaled(value, weights[key]) if weights.get(key, 1) != 1 else value
            )
            for key, value in losses.items()
        }

    def warn_of_unlogged(self) -> None:
        """Name the weights that have done nothing, once training is over."""
        for key in self.unlogged:
            print_log(
                f'student_loss_weight names {key!r}, which the student has not logged '
                'in any step since training started or resumed, so that its weight has '
                'done nothing; check the name',
                logger='current',
                level=logging.WARNING,
            )

    def _note_logged(self, losses: Mapping[str, Any]) -> None:
        """Note which of the losses that have a weight are logged.

        A loss that is not logged is no error: some come late, as YOLOX's `loss_l1` in
        its last epochs, or end early. It may also be misspelt, so a warning names it.
        """
        is_first = self._is_first
        self._is_first = False
        self.unlogged = [key for key in self.unlogged if key not in losses]
        for key in self.unlogged if is_first else ():
            print_log(
                f'student_loss_weight names {key!r}, which the student does not log in '
                'the first step; its weight counts once the student does'
                + did_you_mean(key, losses),
                logger='current',
                level=logging.WARNING,
            )


@dataclass(frozen=True)
class _Weight:
    """A factor over training: `first` where the schedule is at 0, `last` at 1."""

    first: float
    last: float
    schedule: Schedule | None = None

    def resolved(self, max_iters: int, iters_per_epoch: int) -> _Weight:
        """The same with the end of training filled in."""
        if self.schedule is None:
            return self
        try:
            found = self.schedule.resolved(max_iters, iters_per_epoch)
        except ValueError as error:
            raise ValueError(f'student_loss_weight: {error}') from error
        return replace(self, schedule=found)

    def at(self, iteration: int, iters_per_epoch: int) -> float:
        """The factor in an iteration, counted from 0."""
        if self.schedule is None:
            return self.first
        factor = self.schedule.factor(iteration, iters_per_epoch)
        return self.first + (self.last - self.first) * factor


def _changes(weight: Any) -> bool:
    return isinstance(weight, Mapping) and not {*KEYS}.isdisjoint(weight)


def _read(weight: Any, whole: Any) -> _Weight:
    """One factor; `whole` is the option that it is of, for messages.

    Raises:
        ValueError: It is no finite number >= 0, or no two of them with a schedule.
    """
    if not _changes(weight):
        return _Weight(_number(weight, whole), _number(weight, whole))
    both = weight.get('value')
    if {*weight} != {*KEYS} or not isinstance(both, (list, tuple)) or len(both) != 2:
        raise ValueError(
            'student_loss_weight must say from which number to which it goes, and '
            'when: dict(value=(1, 0.2), schedule=dict(warmup=EPOCHS)), got '
            f'{dict(weight)!r}'
        )
    try:
        schedule = build_schedule(weight['schedule'])
    except ValueError as error:
        raise ValueError(f'student_loss_weight: {error}') from error
    if schedule.controller() is not None:
        raise ValueError(
            'student_loss_weight: a schedule of type '
            f'{type(schedule).__name__!r} follows the loss of a term; take one by '
            'time, such as schedule=dict(warmup=EPOCHS)'
        )
    return _Weight(_number(both[0], whole), _number(both[1], whole), schedule)


def _number(value: Any, whole: Any) -> float:
    if not is_number(value) or value < 0:
        raise ValueError(
            'student_loss_weight must be a finite number >= 0, or a dict of such '
            f'numbers by loss key, got {whole!r}'
        )
    return float(value)


def _scaled(value: Tensor | list[Tensor], weight: float) -> Tensor | list[Tensor]:
    if isinstance(value, Tensor):
        return value * weight
    return [item * weight for item in value]
