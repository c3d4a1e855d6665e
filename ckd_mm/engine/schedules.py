"""The weight of a distillation term over training: begin, warm-up, decay, end.

    weight
      1 |        ________________
        |       /                \\
      0 |______/                  \\______
             begin               end
              |warmup|      |decay|

A schedule of another type, `dict(type=NAME, ...)`, may be told more than the iteration:
`engine/controllers.py`.
"""

from __future__ import annotations

import inspect
import logging
import math
from dataclasses import dataclass, replace

from mmengine.logging import print_log

from ckd_mm.checks import boolean, non_negative
from ckd_mm.engine.controllers import Controller
from ckd_mm.registry import SCHEDULES, build, did_you_mean

__all__ = ['Schedule', 'build_schedule']


@SCHEDULES.register_module()
@dataclass(frozen=True)
class Schedule:
    """A factor between 0 and 1 on a term's weight.

    The factor is 0 before `begin`, rises linearly to 1 over `warmup`, and falls
    linearly from 1 to 0 over the last `decay` before `end`. From `end` on it is 0
    again. A term at 0 costs nothing: when no term is left, the teacher does not run.

    Epochs count in fractions (iteration / iterations per epoch), so that a warm-up of
    two epochs rises at every iteration. DKD's own code rises in steps of an epoch.

    Args:
        begin: Where the term starts, in epochs, or in iterations if not `by_epoch`.
        end: Where it ends; `None` is the end of training.
        warmup: Length of the rise after `begin`.
        decay: Length of the fall before `end`.
        by_epoch: Whether the numbers above are epochs or iterations.
        every: The term acts in every n-th iteration of training only, with the
            weight it has. In between its loss is 0, and the teacher does not run for
            it.
        steps: Whether rise and fall go in steps of an epoch: each iteration has the
            factor of the end of its epoch. A warm-up over all E epochs then has the
            factor e / E in the e-th, as PS-KD does.

    Raises:
        ValueError: A number is negative or not finite, `end` is not after `begin`,
            warm-up and decay would overlap, `every` is not a whole number >= 1, or
            `steps` are to be of iterations. A warm-up without a decay may be cut short
            by the end.
    """

    begin: float = 0
    end: float | None = None
    warmup: float = 0
    decay: float = 0
    by_epoch: bool = True
    every: int = 1
    steps: bool = False

    def __post_init__(self) -> None:
        if type(self.every) is not int or self.every < 1:
            raise ValueError(
                f'schedule: every must be a whole number >= 1, got {self.every!r}'
            )
        boolean('schedule: steps', self.steps)
        if self.steps and not self.by_epoch:
            raise ValueError(
                'schedule: steps=True is for epochs, and by_epoch=False counts '
                'iterations; leave one of them out'
            )
        for name in ('begin', 'end', 'warmup', 'decay'):
            value = getattr(self, name)
            if name != 'end' or value is not None:
                non_negative(f'schedule: {name}', value)
        if self.end is not None and self.end <= self.begin:
            raise ValueError(
                f'schedule: end must be after begin, got begin={self.begin} and '
                f'end={self.end}'
            )
        length = math.inf if self.end is None else self.end - self.begin
        if self.decay and self.warmup + self.decay > length:
            raise ValueError(
                f'schedule: warmup={self.warmup} and decay={self.decay} do not fit '
                f'between begin={self.begin} and end={self.end}; shorten them'
            )

    def resolved(self, max_iters: int, iters_per_epoch: int) -> Schedule:
        """The same schedule with the end of training filled in.

        Raises:
            ValueError: The schedule begins after training ends, so the term would never
                act, or its lengths do not fit into the training.
        """
        last = max_iters / iters_per_epoch if self.by_epoch else max_iters
        unit = 'epochs' if self.by_epoch else 'iterations'
        if self.begin >= last:
            raise ValueError(
                f'schedule: begin={self.begin} is not before the end of training '
                f'({last:g} {unit}), the term would never act; give a smaller begin'
            )
        end = last if self.end is None else self.end
        length = min(end, last) - self.begin
        if self.warmup > length:
            print_log(
                f'schedule: warmup={self.warmup:g} is longer than the {length:g} '
                f'{unit} from its begin to its end: it stops at '
                f'{length / self.warmup:.0%} of the way; shorten it unless that is '
                'meant',
                logger='current',
                level=logging.WARNING,
            )
        return replace(self, end=end)

    def factor(self, iteration: int, iters_per_epoch: int) -> float:
        """The factor in the given iteration (counted from 0) of a resolved schedule."""
        assert self.end is not None, 'factor() of a schedule that is not resolved'
        if iteration % self.every:
            return 0.0
        now = iteration / iters_per_epoch if self.by_epoch else iteration
        if not self.begin <= now < self.end:
            return 0.0
        if self.steps:
            now = min(iteration // iters_per_epoch + 1, self.end)
        rise = (now - self.begin) / self.warmup if self.warmup else 1.0
        fall = (self.end - now) / self.decay if self.decay else 1.0
        return min(rise, fall, 1.0)

    def controller(self) -> Controller | None:
        """A weight beside the factor that follows what happens; here there is none."""
        return None


def build_schedule(config: dict | None) -> Schedule:
    """A schedule from its config; `None` is the constant one.

    Raises:
        ValueError: An unknown type or key, or a value that the schedule refuses.
    """
    if config is not None and not isinstance(config, dict):
        raise ValueError(
            f'schedule must be a dict such as dict(warmup=1), got {config!r}'
        )
    config = dict(type='Schedule') | (config or {})
    cls = SCHEDULES.get(config['type']) if isinstance(config['type'], str) else None
    known = inspect.signature(cls).parameters if cls is not None else config
    for key in config:
        if key not in known and key != 'type':
            raise ValueError(
                f'schedule has no option {key!r}{did_you_mean(key, known)}'
            )
    return build(SCHEDULES, config)
