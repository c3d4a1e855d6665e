"""Real training runs of a real detector and a real classifier with the hook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, teacher_model, weights


@dataclass
class Distilled:
    """A finished run and what was watched while it went."""

    runner: Runner
    hook: DistillationHook
    calls: dict[str, int]
    teacher: BaseModel
    teacher_before: dict[str, torch.Tensor]
    teacher_was_training: bool


@pytest.fixture(scope='module')
def distilled(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Distilled:
    work_dir = tmp_path_factory.mktemp('distilled')
    runner = Runner.from_cfg(task.config(work_dir, custom_hooks=[task.hook()]))
    hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
    watch = Watch(hook)
    runner.register_hook(watch)
    runner.train()
    return Distilled(
        runner, hook, watch.calls, watch.teacher, watch.before, watch.was_training
    )


class Watch(Hook):
    """Counts forward calls and losses of both models."""

    priority = 'LOWEST'

    def __init__(self, hook: DistillationHook) -> None:
        self.hook = hook
        self.calls: dict[str, int] = {}
        self.was_training = False

    def before_train(self, runner: Runner) -> None:
        self.teacher = teacher_model(self.hook)
        self.before = {k: v.clone() for k, v in self.teacher.state_dict().items()}
        for role, model in (('student', runner.model), ('teacher', self.teacher)):
            self.count(f'{role}.backbone', model.backbone)
            if hasattr(model, 'roi_head'):
                self.count(f'{role}.roi_extractor', model.roi_head.bbox_roi_extractor)
                self.count(f'{role}.box_head', model.roi_head.bbox_head)
                self.count(f'{role}.losses', model.roi_head.bbox_head.loss_cls)
                self.count(f'{role}.losses', model.rpn_head.loss_cls)
            else:
                self.count(f'{role}.head', model.head)
                self.count(f'{role}.losses', model.head.loss_module)

    def count(self, name: str, module: nn.Module) -> None:
        self.calls.setdefault(name, 0)

        def add(*_: Any) -> None:
            self.calls[name] += torch.is_grad_enabled() or name.startswith('teacher')

        module.register_forward_hook(add)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.was_training |= any(module.training for module in self.teacher.modules())


def test_student_and_teacher_run_once_per_step(distilled: Distilled) -> None:
    steps = distilled.runner.iter
    once = {name: n for name, n in distilled.calls.items() if 'losses' not in name}
    assert steps > 0
    assert set(once.values()) == {steps}, once


def test_the_teachers_losses_are_never_computed(distilled: Distilled) -> None:
    assert distilled.calls['teacher.losses'] == 0
    assert distilled.calls['student.losses'] > 0


def test_the_teacher_stays_as_it_was(distilled: Distilled) -> None:
    assert not distilled.teacher_was_training
    for name, value in distilled.teacher.state_dict().items():
        assert torch.equal(value, distilled.teacher_before[name]), name
    assert all(parameter.grad is None for parameter in distilled.teacher.parameters())


def test_every_step_logs_losses_and_statistics(distilled: Distilled) -> None:
    logged = distilled.runner.message_hub.log_scalars
    for key in (
        'loss_ckd',
        'loss_dkd',
        'ckd_top1_agreement',
        'ckd_retrieval_accuracy',
        'dkd_top1_agreement',
    ):
        values, _ = logged[f'train/{key}'].data
        assert len(values) == distilled.runner.iter, key
        assert all(value >= 0 for value in values), key
    total, _ = logged['train/loss'].data
    parts = [
        history.data[0]
        for key, history in logged.items()
        if 'loss' in key and key != 'train/loss'
    ]
    assert total == pytest.approx(sum(parts), rel=1e-5)


def test_training_leaves_no_forward_hook_on_the_student(distilled: Distilled) -> None:
    assert distilled.hook.distiller is None
    assert 'run' not in vars(distilled.runner.train_loop)
    student = distilled.runner.model
    assert not student._forward_hooks
    assert not student._forward_pre_hooks
    recorders = [
        hook
        for module in student.modules()
        for hook in (
            *module._forward_hooks.values(),
            *module._forward_pre_hooks.values(),
        )
        if hook.__module__.startswith('ckd_mm')
    ]
    assert recorders == []


def test_the_checkpoint_loads_strictly_into_the_stock_model(
    distilled: Distilled, task: Task, tmp_path: Path
) -> None:
    saved = torch.load(
        Path(distilled.runner.work_dir) / 'epoch_1.pth', weights_only=False
    )
    stock = Runner.from_cfg(task.config(tmp_path)).model
    stock.load_state_dict(saved['state_dict'], strict=True)
    parameters = [group['params'] for group in saved['optimizer']['param_groups']]
    assert sum(map(len, parameters)) == len(list(stock.parameters()))


def test_weight_zero_trains_bit_for_bit_as_without_the_hook(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    stock = run(task.config(tmp_path / 'stock', epochs=2))
    hooks = [task.hook(weight=0.0)]
    hooks[0]['teacher'] = dict(task.teacher, evaluate=True)
    watched = run(task.config(tmp_path / 'zero', epochs=2, custom_hooks=hooks))
    assert differences(weights(stock), weights(watched)) == {}


def test_a_weight_above_zero_changes_the_student(
    distilled: Distilled, task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    stock = run(task.config(tmp_path))
    assert differences(weights(stock), weights(distilled.runner)) != {}


def test_validation_and_testing_do_not_load_the_teacher(
    task: Task, tmp_path: Path
) -> None:
    hook = task.hook()
    hook['teacher'] = dict(config='no/such/file.py')
    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook]))
    assert runner.val()
    assert runner.test()


def test_the_hook_is_detached_when_training_raises(task: Task, tmp_path: Path) -> None:
    class Fails(Hook):
        def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError('a failure of another hook')

    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[task.hook()]))
    runner.register_hook(Fails())
    with pytest.raises(RuntimeError, match='of another hook'):
        runner.train()
    assert not runner.model._forward_hooks
    assert not runner.model._forward_pre_hooks


def test_the_students_own_losses_are_scaled(task: Task, tmp_path: Path) -> None:
    first: list[dict[str, float]] = []
    for weight in (1.0, 0.25):
        hook = task.hook(student_loss_weight=weight)
        runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook]))
        runner.train()
        logged = runner.message_hub.log_scalars
        first.append({key: value.data[0][0] for key, value in logged.items()})
    own = [key for key in first[0] if key.startswith('train/loss_')]
    for key in own:
        factor = 1.0 if key in ('train/loss_ckd', 'train/loss_dkd') else 0.25
        assert first[1][key] == pytest.approx(factor * first[0][key], rel=1e-5), key


def test_a_term_at_schedule_zero_costs_no_teacher(task: Task, tmp_path: Path) -> None:
    hook = task.hook()
    for term in hook['distill'].values():
        term['schedule'] = dict(begin=1, by_epoch=False)
    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook]))
    distillation = next(h for h in runner.hooks if isinstance(h, DistillationHook))
    watch = Watch(distillation)
    runner.register_hook(watch)
    runner.train()
    assert watch.calls['teacher.backbone'] == runner.iter - 1
    losses, _ = runner.message_hub.log_scalars['train/loss_ckd'].data
    assert losses[0] == 0.0
    assert all(losses[1:] > 0.0)


def test_the_teacher_runs_as_often_as_its_terms_act(task: Task, tmp_path: Path) -> None:
    hook = task.hook()
    hook['distill']['ckd']['schedule'] = dict(every=3)
    hook['distill']['dkd']['schedule'] = dict(every=6)
    runner = Runner.from_cfg(task.config(tmp_path, custom_hooks=[hook], epochs=3))
    distillation = next(h for h in runner.hooks if isinstance(h, DistillationHook))
    watch = Watch(distillation)
    runner.register_hook(watch)
    runner.train()
    assert watch.calls['teacher.backbone'] == len(range(0, runner.iter, 3))
    losses, _ = runner.message_hub.log_scalars['train/loss_ckd'].data
    assert [loss > 0 for loss in losses] == [i % 3 == 0 for i in range(runner.iter)]
