"""Labels in place of stored logits of which a cached teacher is not sure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from ckd_mm.adapters import BoundTerm, Pair
from ckd_mm.checks import is_number
from ckd_mm.functional import calibrated_logits
from ckd_mm.registry import did_you_mean

__all__ = ['Calibration']

OPTIONS = ('below', 'smoothing')


@dataclass(frozen=True)
class Calibration:
    """The option `calibrate`, see :func:`ckd_mm.functional.calibrated_logits`.

    Args:
        below: The rows whose largest probability is below get the label.
        smoothing: The share of all classes in it.
    """

    below: float
    smoothing: float = 0.1

    @classmethod
    def read(cls, config: Any) -> Calibration | None:
        """Of a config; nothing of `None`.

        Raises:
            ValueError: An option is unknown, missing or out of its range.
        """
        if config is None:
            return None
        if not isinstance(config, dict) or 'below' not in config:
            raise ValueError(
                'teacher: calibrate must be a dict with below, such as '
                f'dict(below=0.3, smoothing=0.1), got {config!r}'
            )
        for name, value in config.items():
            if name not in OPTIONS:
                raise ValueError(
                    f'teacher: calibrate has no option {name!r}'
                    + did_you_mean(name, OPTIONS)
                )
            if not (is_number(value) and 0 < value < 1):
                raise ValueError(
                    f'teacher: {name} of calibrate must be a number > 0 and < 1, got '
                    f'{value!r}'
                )
        return cls(**config)

    def check(self, bound: BoundTerm) -> None:
        """Check that a term compares a distribution over the classes.

        Raises:
            ValueError: Each class is a question of its own.
        """
        for spec in bound.fit.specs:
            columns: Any = spec.columns
            if columns is not None and columns.logits.activation != 'softmax':
                raise ValueError(
                    f'term {bound.fit.term!r}: calibrate puts a label of one class in '
                    f'place of logits, and these are {columns.kind}; leave it out'
                )

    def applied(self, pair: Pair) -> Pair:
        """A pair with the label in place of some of the teacher's rows."""
        assert isinstance(pair.teacher, Tensor)
        logits = calibrated_logits(
            pair.teacher,
            pair.context['target'],
            below=self.below,
            smoothing=self.smoothing,
        )
        return replace(pair, teacher=logits)
