"""Measures a term's share of the gradient, and corrects its weight.

What is measured. A part of the gradient at some modules of the student, as sums of
absolute values over their parameters:

    share = |w g| / (|w g| + |rest|)

`g` is the gradient of the term's loss, `w` its weight, and `rest` the gradient of all
other losses together. The sums are those of single batches, and are added up over
ranks, so that all ranks have one weight.

How it is measured. Gradients of single losses are mixed in the first tensor that two
losses share, and the backward pass never has them apart. The exact ways are: one more
backward pass of the term down to the modules, or gradients at the modules' outputs,
which needs the same pass down to there, unless the term compares these very outputs. So
a measured step makes two more backward passes, of the term and of all losses; `rest`
is their difference. Every step would pay for it by more than half of its time, so only
every `interval`-th step is measured. At 100, a measured step may cost as much as three
and the run pays 2 %; `benchmarks/gradient_share.py` measures it. A weight that is far
off has to be found early, so the first steps are measured at distances that double.

Both passes belong to one batch, before the backward pass of the step. So clipping,
accumulation and the optimizer play no part in them. The scale of a loss scaler
multiplies both, and cancels. A step with a gradient that is not finite, which the
scaler skips, is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ckd_mm.distributed import sum_over_ranks
from ckd_mm.engine.controllers import Controller, Gradients
from ckd_mm.engine.module_gradients import (
    absolute_sum,
    check_reach,
    trained_parameters,
)
from ckd_mm.sharding import is_sharded

if TYPE_CHECKING:
    from ckd_mm.engine.gradient_share import GradientShare

__all__ = ['ShareController', 'correction']

LIMIT = 10.0
"""A weight is at most multiplied or divided by this at once."""


def correction(
    part: Tensor, rest: Tensor, share: float, tolerance: float = 0.0
) -> Tensor:
    """What a weight must be multiplied by to give its part a share.

        r = part / (part + rest)
        correction = share (1 - r) / (r (1 - share)), from 1/10 to 10; 1 where
        |r - share| <= tolerance

    If the part is proportional to the weight and the rest does not depend on it, the
    share is exact after one correction, unless the limits stop it. GAM of RT-DETRv4
    (arXiv 2510.25257) corrects by the same quotient. The authors' code aims at the far
    end of the band, share + tolerance from below and share - tolerance from above; this
    aims at the share itself.

    Args:
        part: Of shape (), >= 0.
        rest: Of shape (), >= 0.
        share: > 0 and < 1.
        tolerance: >= 0.

    Returns:
        Of shape (); 1 where part or rest is 0.
    """
    now = part / (part + rest)
    quotient = share * rest / (part * (1.0 - share))
    is_off = ((now - share).abs() > tolerance) & (part > 0) & (rest > 0)
    return torch.where(is_off, quotient.clamp(1.0 / LIMIT, LIMIT), 1.0)


class ShareController(Controller):
    """Measures the share, and corrects the weight; see `GradientShare`.

    Args:
        schedule: What to keep.
    """

    parts: Tensor
    """The mean of the term's part and of the rest, at the present weight."""
    num_measured: Tensor
    """How many measurements are in it."""
    is_new: Tensor
    """1 if one of them came after the last correction, else 0."""

    def __init__(self, schedule: GradientShare) -> None:
        super().__init__()
        self.schedule = schedule
        self.register_buffer('parts', torch.zeros(2))
        self.register_buffer('num_measured', torch.zeros(()))
        self.register_buffer('is_new', torch.zeros(()))
        self._parameters_of: Sequence[Tensor] = []
        self._others: list[Tensor] = []
        self._is_first = True
        self._is_due = schedule.update == 'iteration'  # of a run that has resumed

    def attach(
        self, student: nn.Module, beside: Sequence[Controller | None], alone: bool
    ) -> None:
        """Find the modules.

        Raises:
            ValueError: The student has no such module, or nothing in it trains, or it
                is sharded; or the terms have too large shares together, or no other
                loss beside them.
        """
        if is_sharded(student):
            raise ValueError(
                'schedule: GradientShare needs gradients of whole parameters, and the '
                'student is sharded (FSDP2Strategy); train with DDP, or give the term '
                'a fixed weight'
            )
        self._check_beside(beside, alone)
        self._parameters_of = trained_parameters(student, self.schedule.modules)
        found = {id(p) for p in self._parameters_of}
        self._others = [
            p for p in student.parameters() if p.requires_grad and id(p) not in found
        ]
        if self.schedule.measure == 'module' and not self._others:
            raise ValueError(
                f'schedule: of={self.schedule.of!r} is all that trains in the student, '
                'so its share is always 1; name a part of it, or leave '
                "measure='module' out"
            )

    def begin(self, iteration: int, iters_per_epoch: int, is_new_update: bool) -> bool:
        """Correct the weight, if it is time."""
        if self.schedule.update == 'epoch':
            self._is_due |= iteration % iters_per_epoch == 0
        if self._is_due and is_new_update:
            self._correct()
            self._is_due = False
        return self.schedule.is_measured(iteration, iters_per_epoch)

    @torch.no_grad()
    def observe(self, loss: Tensor, factor: float, gradients: Gradients) -> None:
        """Add a measurement to the mean.

        Raises:
            ValueError: The first one shows that the term does not reach the modules, or
                that nothing else does.
        """
        of_term = gradients.of(loss, self._parameters_of)
        total = gradients.of_all_losses(self._parameters_of)
        if self._is_first:
            check_reach(of_term, total, self.schedule.of)
            self._is_first = False
        if self.schedule.measure == 'term':
            weight = self.weight
            rest = [
                None if g is None else g if o is None else g - factor * weight * o
                for o, g in zip(of_term, total, strict=True)
            ]
            parts = torch.stack([weight * self._norm(of_term), self._norm(rest)])
        else:
            others = gradients.of_all_losses(self._others)
            parts = torch.stack([self._norm(total), self._norm(others)])
        self._add(sum_over_ranks(parts))
        self._is_due |= self.schedule.update == 'iteration'

    def statistics(self) -> dict[str, Tensor]:
        """The weight, and the share that it is corrected by; NaN before the first."""
        return {'weight': self.weight, 'share': self.parts[0] / self.parts.sum()}

    def _add(self, parts: Tensor) -> None:
        """Take a measurement into the mean, unless it is not finite."""
        is_finite = parts.isfinite().all()
        rate = 1.0 / (self.num_measured + 1.0)
        if self.schedule.update == 'iteration':
            rate = rate.clamp_min(1.0 - self.schedule.momentum)
        mean = self.parts + rate * (parts - self.parts)
        self.parts = torch.where(is_finite, mean, self.parts)
        self.num_measured = self.num_measured + is_finite
        self.is_new = torch.where(is_finite, 1.0, self.is_new)

    def _correct(self) -> None:
        """Correct the weight by what was measured since the last time, if anything."""
        schedule = self.schedule
        ratio = correction(
            self.parts[0], self.parts[1], schedule.share, schedule.tolerance
        )
        ratio = torch.where(self.is_new > 0, ratio, 1.0)
        self.weight = self.weight * ratio
        # what would have been measured at the new weight
        self.parts = torch.stack([self.parts[0] * ratio, self.parts[1]])
        self.is_new = torch.zeros_like(self.is_new)
        if schedule.update == 'epoch':
            self.num_measured = torch.zeros_like(self.num_measured)

    def _norm(self, gradients: Sequence[Tensor | None]) -> Tensor:
        return absolute_sum(gradients, self.weight.device)

    def _check_beside(self, beside: Sequence[Controller | None], alone: bool) -> None:
        kept = self.schedule
        same = [
            one.schedule
            for one in beside
            if isinstance(one, ShareController)
            and set(one.schedule.modules) == set(kept.modules)
            and one.schedule.measure == kept.measure
        ]
        if same and kept.measure == 'module':
            raise ValueError(
                "schedule: two terms with measure='module' and "
                f'of={kept.of!r} would both follow one share; leave one of them out'
            )
        total = kept.share + sum(one.share for one in same)
        if total >= 1:
            raise ValueError(
                f'schedule: the terms have shares of {total:g} together of the '
                f'gradient at {kept.of!r}, which must leave something to the other '
                'losses; give smaller shares'
            )
        if alone and len(same) == len(beside) and kept.measure == 'term':
            raise ValueError(
                f'schedule: share={kept.share} of what? With student_loss_weight=0 '
                'no other loss has a gradient; leave the schedule out'
            )
