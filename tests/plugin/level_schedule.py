"""A schedule of somebody's own: the weight brings a term's loss to one level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ckd_mm.engine.controllers import Controller, Gradients
from ckd_mm.engine.schedules import Schedule
from ckd_mm.registry import SCHEDULES

__all__ = ['LevelSchedule']


@SCHEDULES.register_module()
@dataclass(frozen=True, kw_only=True)
class LevelSchedule(Schedule):
    """Divides a term by what it was in the step before.

    Args:
        level: What the loss is brought to.
    """

    level: float

    def controller(self) -> LevelController:
        return LevelController(self.level)


class LevelController(Controller):
    """Keeps the loss of the step before."""

    seen: Tensor

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level
        self.register_buffer('seen', torch.full((), level))

    def begin(self, iteration: int, iters_per_epoch: int, is_new_update: bool) -> bool:
        self.weight = self.level / self.seen
        return True

    @torch.no_grad()
    def observe(self, loss: Tensor, factor: float, gradients: Gradients) -> None:
        self.seen = loss.detach().clone()
