"""Steps of small two-stage detectors that a loop by hand can repeat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from mmdet.models.task_modules.samplers import PseudoSampler
from mmdet.testing import demo_mm_inputs
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.adapters import Tap

__all__ = ['HEAD', 'ROIS', 'STEPS', 'batch', 'stepped', 'without_chance']

ROIS = Tap('roi_head.bbox_roi_extractor', 'input')
HEAD = Tap('roi_head.bbox_head')
STEPS, LR = 3, 0.01


def batch() -> dict[str, Any]:
    return demo_mm_inputs(
        2,
        [[3, 64, 96], [3, 96, 64]],
        num_items=[3, 2],
        num_classes=10,
        with_mask=True,
    )


def without_chance(model: BaseModel) -> BaseModel:
    """It trains on all proposals, instead of some by chance."""
    model.rpn_head.sampler = model.roi_head.bbox_sampler = PseudoSampler()
    return model.train()


def stepped(models: Iterable[BaseModel], total: Tensor) -> None:
    """One step of plain gradient descent for all models."""
    models = [*models]
    for model in models:
        model.zero_grad()
    total.backward()
    with torch.no_grad():
        for one in (one for model in models for one in model.parameters()):
            if one.grad is not None:
                one -= LR * one.grad
