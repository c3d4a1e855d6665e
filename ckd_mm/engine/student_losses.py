"""The student's losses, and how much each of them counts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor

from ckd_mm.checks import is_number
from ckd_mm.registry import did_you_mean

__all__ = ['StudentLosses']


class StudentLosses:
    """Scales the student's losses.

    Args:
        weight: A factor on all of them, or one per loss key.

    Raises:
        ValueError: A factor is no finite number >= 0.
    """

    def __init__(self, weight: float | dict[str, float] = 1.0) -> None:
        self._weight = _checked(weight)
        self.unlogged = [*weight] if isinstance(weight, dict) else []
        """Losses that have a weight and were not logged in any step so far."""
        self._is_first = True

    def __call__(self, losses: dict[str, Any]) -> dict[str, Any]:
        """The losses of one step, scaled."""
        if isinstance(self._weight, dict):
            self._note_logged(losses)
            weights = self._weight
        else:
            weights = {key: self._weight for key in losses if 'loss' in key}
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


def _checked(weight: Any) -> float | dict[str, float]:
    values = weight.values() if isinstance(weight, dict) else [weight]
    for value in values:
        if not is_number(value) or value < 0:
            raise ValueError(
                'student_loss_weight must be a finite number >= 0, or a dict of such '
                f'numbers by loss key, got {weight!r}'
            )
    return weight


def _scaled(value: Tensor | list[Tensor], weight: float) -> Tensor | list[Tensor]:
    if isinstance(value, Tensor):
        return value * weight
    return [item * weight for item in value]
