"""A toy student, and its training with weights that keep shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from ckd_mm.engine.controllers import Controllers
from ckd_mm.engine.gradient_share import GradientShare
from ckd_mm.engine.schedules import build_schedule

__all__ = ['LR', 'PER_EPOCH', 'STEPS', 'Toy', 'share_of', 'train']

STEPS = 12
PER_EPOCH = 4
LR = 0.05


class Toy(BaseModel):
    """A backbone and two heads, one of which a term reads."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4))
        self.head = nn.Linear(4, 3)
        self.other_head = nn.Linear(4, 2)
        self.empty = nn.ReLU()

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Named as in a log; two terms and the student's own loss."""
        x = self.backbone(inputs)
        return dict(
            loss_cls=self.head(x).square().mean(),
            loss_kd=self.head(x).abs().mean() * 7.0,
            loss_map=(x - 1.0).square().mean(),
        )


def share_of(**config: Any) -> GradientShare:
    schedule = build_schedule(
        dict(type='GradientShare', share=0.2, of='backbone') | config
    )
    assert isinstance(schedule, GradientShare)
    return schedule


def train(
    toy: Toy,
    batches: list[Tensor],
    schedules: dict[str, GradientShare],
    wrapper: OptimWrapper | None = None,
    change: Callable[[int, dict[str, Tensor]], None] = lambda i, losses: None,
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Weights by step, and the controllers, of a run through MMEngine's wrapper."""
    by_term = {name: one.controller() for name, one in schedules.items()}
    controllers = Controllers(toy, by_term)
    wrapper = wrapper or OptimWrapper(torch.optim.SGD(toy.parameters(), LR))
    weights: dict[str, list[float]] = {name: [] for name in schedules}
    for i, batch in enumerate(batches):
        controllers.begin(i, PER_EPOCH, wrapper)
        losses = toy(batch)
        change(i, losses)
        own = {name: losses[f'loss_{name}'] for name in schedules}
        factors = dict.fromkeys(own, 1.0)
        for name in own:
            losses[f'loss_{name}'] = controllers.weighed(name, own[name])
            weights[name].append(by_term[name].weight.item())
        controllers.observe(own, factors, losses)
        total, _ = toy.parse_losses(losses)
        wrapper.update_params(total)
    return weights, by_term
