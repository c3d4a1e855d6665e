"""`GradientShare`: a schedule with a weight that keeps a term's share of the gradient.

`engine/share_controller.py` measures the share and corrects the weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ckd_mm.checks import fraction, is_number, one_of, positive_integer
from ckd_mm.engine.schedules import Schedule
from ckd_mm.engine.share_controller import ShareController
from ckd_mm.registry import SCHEDULES

__all__ = ['GradientShare']


@SCHEDULES.register_module()
@dataclass(frozen=True, kw_only=True)
class GradientShare(Schedule):
    """A weight that keeps a term's share of the gradient, beside a `Schedule`'s factor.

    The term's loss is multiplied by `loss_weight`, by this weight, which begins at 1,
    and by the factor of the schedule. The share is that of the term without the factor:
    in a warm-up the term has less, and its weight is the right one at the end.

    Args:
        share: The term's share, > 0 and < 1.
        of: The name of a module of the student, or several names. The gradient is
            that of its parameters.
        tolerance: The weight stays as it is while the share is as near as this.
        update: `'iteration'` corrects the weight after each measured iteration, by the
            running mean of the sums; `'epoch'` once an epoch, by their mean over it, as
            GAM does.
        interval: Every n-th iteration of those in which the term acts is measured. The
            first ones are measured at distances of 1, 2, 4 and so on.
        momentum: Of the running mean: what an older measurement keeps of its weight.
        measure: `'term'` is the share of the term among all losses, at the modules.
            `'module'` is what GAM measures: the share of the modules in the gradient
            of the whole student, under all losses. Its size depends on the model, and
            the term moves it as far as its gradient at the modules is larger than
            elsewhere.
        **kwargs: `begin`, `end`, `warmup`, `decay`, `by_epoch`, `every`, see
            :class:`Schedule`.

    Raises:
        ValueError: A value makes no sense.
    """

    share: float
    of: str | Sequence[str]
    tolerance: float = 0.0
    update: str = 'iteration'
    interval: int = 100
    momentum: float = 0.9
    measure: str = 'term'

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.share) or not 0 < self.share < 1:
            raise ValueError(
                f'schedule: share must be a number > 0 and < 1, got {self.share!r}'
            )
        room = min(self.share, 1 - self.share)
        if not is_number(self.tolerance) or not 0 <= self.tolerance < room:
            raise ValueError(
                'schedule: tolerance must be a number >= 0 that leaves '
                f'share={self.share} - tolerance above 0 and share + tolerance below '
                f'1, got {self.tolerance!r}'
            )
        names = self.modules
        if not names or not all(isinstance(one, str) and one for one in names):
            raise ValueError(
                'schedule: of must be the name of a module of the student, such as '
                f"'backbone', or a list of names, got {self.of!r}"
            )
        one_of('schedule: update', self.update, ('iteration', 'epoch'))
        one_of('schedule: measure', self.measure, ('term', 'module'))
        positive_integer('schedule: interval', self.interval)
        fraction('schedule: momentum', self.momentum)

    @property
    def modules(self) -> tuple[str, ...]:
        """The names in `of`."""
        return tuple(self.of) if isinstance(self.of, (list, tuple)) else (self.of,)  # type: ignore[return-value]

    def controller(self) -> ShareController:
        """The weight, with what it has measured."""
        return ShareController(self)

    def is_measured(self, iteration: int, iters_per_epoch: int) -> bool:
        """Whether an iteration (counted from 0) is measured, if the term acts in it."""
        first = self.begin * iters_per_epoch if self.by_epoch else self.begin
        number = iteration // self.every - math.ceil(first / self.every)
        if iteration % self.every or number < 0:
            return False
        is_early = number < self.interval and number & (number - 1) == 0
        return is_early or number % self.interval == 0
