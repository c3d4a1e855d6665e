"""What is attached is detached; validation and testing run the stock path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import nn

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, teacher_model, weights

pytestmark = pytest.mark.slow


def our_forward_hooks(model: nn.Module) -> list[Any]:
    return [
        hook
        for module in model.modules()
        for hook in (
            *module._forward_hooks.values(),
            *module._forward_pre_hooks.values(),
        )
        if 'ckd_mm' in (getattr(hook, '__module__', None) or '')
    ]


class Count(Hook):
    """Counts the forward passes of the teacher, and our hooks while training."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.num_calls = 0
        self.num_hooks: list[int] = []

    def before_train(self, runner: Runner) -> None:
        hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        teacher_model(hook).backbone.register_forward_hook(self.count)

    def count(self, *_: Any) -> None:
        self.num_calls += 1

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.num_hooks.append(len(our_forward_hooks(runner.model)))


def counted(cfg: Config) -> tuple[Runner, Count]:
    runner, count = RUNNERS.build(cfg), Count()
    runner.register_hook(count)
    return runner, count


def test_validation_while_training_does_not_run_the_teacher(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    cfg = task.config(tmp_path / 'zero', custom_hooks=[task.hook(weight=0.0)])
    cfg.train_cfg.val_interval = 1
    runner, count = counted(cfg)
    runner.train()
    assert count.num_calls == runner.iter
    stock = task.config(tmp_path / 'stock')
    stock.train_cfg.val_interval = 1
    assert metrics(runner) == metrics(run(stock))
    assert metrics(runner)


def metrics(runner: Runner) -> dict[str, float]:
    return {
        key: history.data[0][-1]
        for key, history in runner.message_hub.log_scalars.items()
        if key.startswith('val/') and 'time' not in key
    }


def test_training_twice_in_one_process_attaches_and_detaches_twice(
    task: Task, tmp_path: Path
) -> None:
    ends, hooks = [], []
    for name in ('first', 'second'):
        cfg = task.config(tmp_path / name, custom_hooks=[task.hook()])
        runner, count = counted(cfg)
        runner.train()
        assert our_forward_hooks(runner.model) == []
        ends.append(weights(runner))
        hooks.append(count.num_hooks)
    assert differences(*ends) == {}
    assert hooks[0] == hooks[1]
    assert all(number > 0 for number in hooks[0])


def test_one_runner_can_train_twice(task: Task, tmp_path: Path) -> None:
    runner, count = counted(task.config(tmp_path, custom_hooks=[task.hook()]))
    runner.train()
    steps = count.num_calls
    runner.train_loop._epoch = runner.train_loop._iter = 0
    runner.train()
    assert count.num_calls == 2 * steps
    assert len(set(count.num_hooks)) == 1
    assert our_forward_hooks(runner.model) == []


def test_flexible_runner_attaches_and_detaches(task: Task, tmp_path: Path) -> None:
    cfg = task.config(tmp_path, custom_hooks=[task.hook()])
    cfg.runner_type = 'FlexibleRunner'
    runner, count = counted(cfg)
    runner.train()
    assert count.num_calls == runner.iter > 0
    assert our_forward_hooks(runner.model) == []
