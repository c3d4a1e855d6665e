"""What a loop by hand needs of a run: its start, its images and its log."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..conftest import stock_model

__all__ = ['Steps', 'loaded']


class Steps(Hook):
    """Copies what a run starts from, and keeps the labelled batches that it sees.

    Attributes:
        hook: The run's `DistillationHook`.
        student: The student as it begins, without the hook's forward hooks.
        losses: What learns beside it, by the name of its term, as it begins.
        batches: Images and labels of each step.
        logged: What the run has logged, by key.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        self.hook = next(
            one for one in runner.hooks if isinstance(one, DistillationHook)
        )
        self.student = deepcopy(runner.model)
        for module in self.student.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
        self.losses: dict[str, Any] = deepcopy(dict(self.hook.connectors.modules))
        self.batches: list[tuple[Tensor, Tensor]] = []
        self.logged = runner.message_hub.log_scalars

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        data = runner.model.data_preprocessor(deepcopy(kwargs['data_batch']), True)
        labels = torch.cat([one.gt_label for one in data['data_samples']])
        self.batches.append((data['inputs'], labels))


def loaded(teacher: dict[str, Any]) -> BaseModel:
    """A teacher with the weights of its file, in eval mode."""
    model = stock_model(Config.fromfile(teacher['config'])).eval()
    state = torch.load(teacher['checkpoint'], weights_only=False)
    model.load_state_dict(state['state_dict'])
    return model
