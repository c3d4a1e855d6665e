"""The teacher is the same after training, and nothing but the hook knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, teacher_model, weights

pytestmark = pytest.mark.slow


def teacher_of_run(runner: Runner) -> BaseModel:
    hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
    return teacher_model(hook)


class Meddler(Hook):
    """Puts the teacher and its parts into training mode before every step."""

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        self.teacher = teacher_of_run(runner)
        self.before = {k: v.clone() for k, v in self.teacher.state_dict().items()}

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.teacher.train()
        self.teacher.backbone.train()


@pytest.fixture
def unsteady_teacher(
    task: Task,
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """One whose training mode differs in BatchNorm and, a classifier, in DropPath."""
    cfg = task.config(tmp_path_factory.mktemp('unused'), width=16)
    if task.name == 'classifier':
        cfg.model.backbone.drop_path_rate = 0.5
    return teacher_of(cfg)


def test_it_runs_in_eval_mode_whatever_calls_train(
    task: Task, unsteady_teacher: dict[str, Any], tmp_path: Path
) -> None:
    runs = []
    for meddler in (None, Meddler()):
        hook = dict(task.hook(), teacher=unsteady_teacher)
        cfg = task.config(tmp_path / str(bool(meddler)), custom_hooks=[hook])
        runner = Runner.from_cfg(cfg)
        if meddler:
            runner.register_hook(meddler)
        runner.train()
        runs.append(weights(runner))
    assert meddler is not None
    assert differences(*runs) == {}
    assert differences(meddler.before, meddler.teacher.state_dict()) == {}


def test_its_dropped_paths_would_show_in_the_students_weights(
    unsteady_teacher: dict[str, Any], task: Task
) -> None:
    """What the test above rests on: the two modes of this teacher differ."""
    from ckd_mm.teachers import build_teacher

    teacher = build_teacher(**unsteady_teacher)
    images = torch.randn(4, 3, 64, 64)
    outputs = []
    for mode in (False, True):
        teacher.train(mode)
        outputs.append(teacher.extract_feat(images)[0])
    assert not outputs[0].allclose(outputs[1], rtol=0.1)


def test_no_part_of_the_run_holds_its_parameters(task: Task, tmp_path: Path) -> None:
    """Neither the model (so no DDP reducer, EMA copy, checkpoint) nor the optimizer."""
    found: dict[str, Any] = {}

    class Look(Hook):
        priority = 'LOWEST'

        def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
            teacher = teacher_of_run(runner)
            own = {id(tensor) for tensor in teacher.parameters()}
            own |= {id(tensor) for tensor in teacher.buffers()}
            groups = runner.optim_wrapper.optimizer.param_groups
            found['optimizer'] = held(own, *(group['params'] for group in groups))
            averaged = next(
                h.ema_model for h in runner.hooks if hasattr(h, 'ema_model')
            )
            for name, model in (('model', runner.model), ('average', averaged)):
                found[name] = held(own, model.parameters(), model.buffers())
            found['modules'] = [m for m in runner.model.modules() if m is teacher]

    hooks = [task.hook(), dict(type='EMAHook')]
    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=hooks))
    runner.register_hook(Look())
    runner.train()
    assert found == dict(optimizer=0, model=0, average=0, modules=[])


def held(own: set[int], *groups: Iterable[Tensor]) -> int:
    """How many of the tensors are among `own`, a set of ids."""
    return sum(id(tensor) in own for group in groups for tensor in group)


def test_it_runs_without_a_graph(task: Task, tmp_path: Path) -> None:
    modes = []

    class Look(Hook):
        def before_train(self, runner: Runner) -> None:
            teacher_of_run(runner).backbone.register_forward_hook(
                lambda *_: modes.append(torch.is_grad_enabled())
            )

    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[task.hook()]))
    runner.register_hook(Look(), priority='LOWEST')
    runner.train()
    assert modes and not any(modes)
