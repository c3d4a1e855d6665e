"""The two tasks that every guarantee is shown for: a real detector and classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook
from ckd_mm.teachers import ModelView

__all__ = [
    'ON',
    'TASKS',
    'Task',
    'differences',
    'few_to_compile',
    'last_bias',
    'teacher_model',
    'weights',
]

TASKS = ('detector', 'classifier')
ON = {'detector': 'roi_logits', 'classifier': 'logits'}


class Task:
    """Configs of one of the two tasks."""

    def __init__(self, request: pytest.FixtureRequest, name: str) -> None:
        self.config: Callable[..., Config] = request.getfixturevalue(f'{name}_config')
        self.teacher: dict[str, Any] = request.getfixturevalue(f'{name}_teacher')
        self.name = name
        self.on = ON[name]

    def hook(self, weight: float = 1.0, **options: Any) -> dict[str, Any]:
        """A hook with two terms, of which one needs labels."""
        return dict(
            type='DistillationHook',
            teacher=self.teacher,
            distill=dict(
                ckd=dict(on=self.on, loss=dict(type='CKDLoss', loss_weight=weight)),
                dkd=dict(on=self.on, loss=dict(type='DKDLoss', loss_weight=weight)),
            ),
            **options,
        )


def weights(runner: Runner) -> dict[str, Tensor]:
    """Parameters and buffers of a runner's model."""
    return runner.model.state_dict()


def differences(
    first: dict[str, Tensor], second: dict[str, Tensor], *, tolerance: float = 0.0
) -> dict[str, float]:
    """Tensors that differ by more than a share of their largest entry, and how much."""
    assert first.keys() == second.keys()
    found = {}
    for name, value in first.items():
        error = (value.double() - second[name].double()).abs().max()
        share = (error / value.double().abs().max().clamp_min(1e-12)).item()
        if not share <= tolerance:  # also NaN
            found[name] = share
    return found


def few_to_compile(cfg: Config, compile_: dict[str, Any] | None) -> Config:
    """Two whole batches: a batch of another size would be traced again.

    What Dynamo makes of the hooks matters here, not the code that is made of it.
    """
    cfg.train_dataloader.drop_last = True
    cfg.train_dataloader.dataset.indices = 2 * cfg.train_dataloader.batch_size
    if compile_:
        cfg.compile = compile_
    return cfg


def last_bias(model: BaseModel) -> Tensor:
    """The bias of the class logits."""
    layer = model.head.fc if hasattr(model, 'head') else model.roi_head.bbox_head.fc_cls
    return layer.bias.data


def teacher_model(hook: DistillationHook) -> BaseModel:
    """The first teacher of a run that is under way."""
    assert hook.distiller is not None
    view = hook.distiller.views[0]
    assert isinstance(view, ModelView)
    return view.model
