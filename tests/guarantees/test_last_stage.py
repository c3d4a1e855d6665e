"""A term through the teacher's last stage in real runs: weight 0, and the teacher."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook

from ..tasks import differences, teacher_model, weights

pytestmark = pytest.mark.slow


class Watcher(Hook):
    """Keeps the state of the teacher before training."""

    def before_train(self, runner: Runner) -> None:
        hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
        self.teacher = teacher_model(hook)
        self.before = deepcopy(self.teacher.state_dict())


def hook(teacher: dict[str, Any], weight: float) -> dict[str, Any]:
    loss = dict(type='ScaleKDLoss', through_teacher=True, loss_weight=weight)
    term = dict(on='last_stages', loss=loss)
    return dict(type='DistillationHook', teacher=teacher, distill=dict(scalekd=term))


def test_weight_zero_is_the_stock_run_and_the_teacher_stays_as_it_is(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    stock = weights(run(classifier_config(tmp_path / 'stock')))
    for weight in (0.0, 1.0):
        hooks = [hook(classifier_teacher, weight)]
        cfg = classifier_config(tmp_path / str(weight), custom_hooks=hooks)
        runner = Runner.from_cfg(cfg)
        watcher = Watcher()
        runner.register_hook(watcher, 'LOWEST')
        runner.train()
        assert differences(watcher.before, watcher.teacher.state_dict()) == {}
        assert not watcher.teacher.training
        assert (differences(stock, weights(runner)) == {}) == (weight == 0)
