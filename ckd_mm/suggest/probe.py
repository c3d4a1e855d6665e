"""`GradientProbe`: a schedule that measures a term, and keeps it out of training.

The term has the weight 0, so the student is trained by its own losses alone. What is
measured does not depend on the weight and the temperature that the config happens to
have, and all temperatures are measured at the same weights of the student.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ckd_mm.engine.controllers import Controller, Gradients
from ckd_mm.engine.module_gradients import (
    absolute_sum,
    check_reach,
    trained_parameters,
)
from ckd_mm.engine.schedules import Schedule
from ckd_mm.registry import SCHEDULES

__all__ = ['GradientProbe', 'Measured', 'ProbeController', 'measured_iterations']

MOST = 20
"""About so many iterations are measured."""


@dataclass(frozen=True)
class Measured:
    """What one iteration has shown of one term.

    Args:
        iteration: Counted from 0.
        own: The size of the gradient of the student's losses: the sum of its absolute
            values over the parameters of the modules.
        term: That of the term's loss with `loss_weight=1`.
        cosine: Of both gradients, from -1 to 1.
        elsewhere: The mean cosine of the term's gradient with that of the student's
            losses on other batches, those that were measured before; NaN for the first.
        own_elsewhere: The same of the gradient of the student's losses.
    """

    iteration: int
    own: float
    term: float
    cosine: float
    elsewhere: float
    own_elsewhere: float


def measured_iterations(iters: int) -> list[int]:
    """Which iterations, counted from 0, are measured: about 20 of the second half.

    Examples:
        >>> measured_iterations(50)
        [25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45, 47, 49]
        >>> measured_iterations(1)
        [0]
    """
    every = math.ceil((iters - iters // 2) / MOST)
    return list(range(iters // 2, iters, every))


@SCHEDULES.register_module()
@dataclass(frozen=True, kw_only=True)
class GradientProbe(Schedule):
    """The schedule of tools/suggest.py: measures the gradient of a term, adds nothing.

    Args:
        of: The names of modules of the student, of whose parameters the gradient is.
        iters: The length of the run. The first iteration shows whether the term reaches
            the modules, and those of :func:`measured_iterations` count.
        **kwargs: None of :class:`Schedule` has a meaning here.
    """

    of: Sequence[str] = ()
    iters: int = 1

    def factor(self, iteration: int, iters_per_epoch: int) -> float:
        """1 where it measures, else 0: the teacher does not run there."""
        return float(iteration == 0 or iteration in measured_iterations(self.iters))

    def controller(self) -> ProbeController:
        """The weight 0, with what was measured."""
        return ProbeController(self)


class ProbeController(Controller):
    """Measures in each iteration in which the term acts; see `GradientProbe`.

    Args:
        schedule: What to measure.
    """

    def __init__(self, schedule: GradientProbe) -> None:
        super().__init__()
        self.schedule = schedule
        self.weight = torch.zeros(())
        self.measured: list[Measured] = []
        """By iteration; one with a gradient that is not finite is left out."""
        self._parameters_of: list[nn.Parameter] = []
        self._iteration = 0
        self._before: Tensor | None = None

    def attach(
        self, student: nn.Module, beside: Sequence[Controller | None], alone: bool
    ) -> None:
        """Find the modules.

        Raises:
            ValueError: The student has no such module, or nothing in it trains.
        """
        self._parameters_of = trained_parameters(student, self.schedule.of)

    def begin(self, iteration: int, iters_per_epoch: int, is_new_update: bool) -> bool:
        """Observe each iteration in which the term acts."""
        self._iteration = iteration
        return True

    @torch.no_grad()
    def observe(self, loss: Tensor, factor: float, gradients: Gradients) -> None:
        """Measure.

        Raises:
            ValueError: The first iteration shows that the term does not reach the
                modules, or that no loss does.
        """
        of_term = gradients.of(loss, self._parameters_of)
        own = gradients.of_all_losses(self._parameters_of)
        if self._iteration == 0:
            check_reach(of_term, own, self.schedule.of)
        if self._iteration in measured_iterations(self.schedule.iters):
            sizes = [absolute_sum(one, loss.device).item() for one in (own, of_term)]
            if all(map(math.isfinite, sizes)):
                self._add(sizes, self._direction(own), self._direction(of_term))

    def statistics(self) -> dict[str, Tensor]:
        """Nothing for the log."""
        return {}

    def _add(self, sizes: Sequence[float], own: Tensor, term: Tensor) -> None:
        """Add a measurement, and the direction of the student's losses to the mean.

        The product of a direction with the mean of others is its mean cosine with them.
        """
        before = self._before
        if before is None:
            before = torch.full_like(own, torch.nan)
        self.measured.append(
            Measured(
                self._iteration,
                own=sizes[0],
                term=sizes[1],
                cosine=(term @ own).item(),
                elsewhere=(term @ before).item(),
                own_elsewhere=(own @ before).item(),
            )
        )
        mean = own if self._before is None else before
        self._before = mean.lerp(own, 1.0 / len(self.measured))

    def _direction(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """A gradient at all parameters, of length 1; 0 where it is 0."""
        whole = [
            (torch.zeros_like(parameter) if one is None else one).flatten().float()
            for one, parameter in zip(gradients, self._parameters_of, strict=True)
        ]
        return functional.normalize(torch.cat(whole), dim=0)
