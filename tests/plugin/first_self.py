"""A kind of teacher of somebody's own: the student as it was when training began."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ckd_mm.registry import TEACHERS
from ckd_mm.teachers import ModelTeacher, TeacherKind

__all__ = ['FirstSelf']


@TEACHERS.register_module()
@dataclass(frozen=True)
class FirstSelf(TeacherKind):
    """A copy of the student from before the first step.

    Args:
        weight: Its share when a term averages several teachers.
        noise: How much of its weights is random: 0 none, 1 as much as there was.
    """

    weight: float = 1.0
    noise: float = 0.0

    def build(self, runner: Runner, device: torch.device) -> ModelTeacher:
        model = runner.model
        copy = deepcopy(model.module if is_model_wrapper(model) else model)
        random = torch.Generator().manual_seed(0)
        for weight in copy.parameters():
            added = torch.randn(weight.shape, generator=random).to(weight.device)
            weight.data += self.noise * weight.detach().abs().mean() * added
        return ModelTeacher(copy.eval().requires_grad_(False), self.weight)
