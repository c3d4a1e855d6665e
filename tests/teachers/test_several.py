"""Several teachers, and the student's own average as one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import read_teachers

from ..tasks import Task, differences, teacher_model, weights

pytestmark = pytest.mark.slow

Train = Callable[[Config], Runner]


class Keeps(torch.nn.Module):
    """A loss that keeps the pairs it was given."""

    takes = 'distribution'
    temperature = 2.0
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        self.pairs.append((student.detach().clone(), teacher.clone()))
        return student.sum() * 0.0


@pytest.fixture
def keeps() -> Any:
    Keeps.pairs = []
    LOSSES.register_module(name='Keeps', module=Keeps)
    yield Keeps
    LOSSES.module_dict.pop('Keeps')


@pytest.fixture
def other_teacher(task: Task, teacher_of: Callable[..., Any], tmp_path: Path) -> Any:
    """A teacher of another width and with inputs of another mean."""
    cfg = task.config(tmp_path / 'unused', width=12)
    if task.name == 'classifier':
        cfg.data_preprocessor.update(mean=[10.0] * 3)
    else:
        cfg.model.data_preprocessor.update(mean=[10.0] * 3)
    return teacher_of(cfg)


def hook(teacher: Any, on: str, terms: dict[str, Any]) -> dict[str, Any]:
    distill = {
        name: dict(on=on, loss=dict(type='Keeps'), **options)
        for name, options in terms.items()
    }
    return dict(type='DistillationHook', teacher=teacher, distill=distill)


def test_each_term_hears_its_teacher_or_an_average(
    task: Task, run: Train, other_teacher: Any, keeps: type[Keeps], tmp_path: Path
) -> None:
    """Of values or probabilities, by the teachers' weights or by its own."""
    teachers = [dict(task.teacher, weight=3.0), other_teacher]
    terms = dict(
        first=dict(teacher=0),
        second=dict(teacher=[1]),
        both={},
        soft=dict(average='probabilities'),
        weighed=dict(teacher=[1, 0], teacher_weights=[4.0, 1.0]),
    )
    cfg = task.config(tmp_path, custom_hooks=[hook(teachers, task.on, terms)])
    run(cfg)
    steps = [keeps.pairs[index :: len(terms)] for index in range(len(terms))]
    for first, second, both, soft, weighed in zip(*steps, strict=True):
        for pair in (second, both, soft, weighed):
            assert torch.equal(first[0], pair[0])
        assert not torch.allclose(first[1], second[1])
        torch.testing.assert_close(both[1], 0.75 * first[1] + 0.25 * second[1])
        torch.testing.assert_close(weighed[1], 0.2 * first[1] + 0.8 * second[1])
        one, two, mean = ((pair[1] / 2).softmax(1) for pair in (first, second, soft))
        torch.testing.assert_close(mean, 0.75 * one + 0.25 * two)


def test_a_teacher_among_several_sees_what_it_sees_alone(
    task: Task, run: Train, other_teacher: Any, keeps: type[Keeps], tmp_path: Path
) -> None:
    both = [task.teacher, other_teacher]
    among_two = hook(both, task.on, dict(a=dict(teacher=1), b=dict(teacher=0)))
    one = hook(other_teacher, task.on, dict(a={}))
    for name, hooks in (('among', among_two), ('alone', one)):
        run(task.config(tmp_path / name, custom_hooks=[hooks]))
    num_steps = len(keeps.pairs) // 3
    among = [teacher for _, teacher in keeps.pairs[: 2 * num_steps : 2]]
    alone = [teacher for _, teacher in keeps.pairs[2 * num_steps :]]
    assert all(torch.equal(a, b) for a, b in zip(among, alone, strict=True))


class Watch(Hook):
    """The teacher, and its weights before each step."""

    def __init__(self) -> None:
        self.teachers: list[BaseModel] = []
        self.weights: list[dict[str, torch.Tensor]] = []

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        (own,) = (hook for hook in runner.hooks if isinstance(hook, DistillationHook))
        teacher = teacher_model(own)
        self.teachers.append(teacher)
        self.weights.append(deepcopy(teacher.state_dict()))


def test_the_students_own_average_teaches_it(task: Task, tmp_path: Path) -> None:
    ema = dict(type='EMAHook', momentum=0.5)
    term = dict(on=task.on, loss=dict(type='KDLoss'))
    own = dict(type='DistillationHook', teacher=dict(ema=True), distill=dict(kd=term))
    cfg = task.config(tmp_path, custom_hooks=[own, ema])
    runner, watch = Runner.from_cfg(cfg), Watch()
    runner.register_hook(watch)
    start = deepcopy(weights(runner))
    runner.train()
    (kept,) = (hook for hook in runner.hooks if isinstance(hook, EMAHook))
    assert all(teacher is kept.ema_model.module for teacher in watch.teachers)
    assert differences(watch.weights[0], watch.weights[-1]) != {}
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert set(saved['state_dict']) == set(start)
    assert not any(module._forward_hooks for module in kept.ema_model.modules())
    assert not any(p.requires_grad for p in kept.ema_model.parameters())


def test_an_own_average_at_weight_zero_changes_nothing(
    task: Task, run: Train, tmp_path: Path
) -> None:
    ema = dict(type='EMAHook', momentum=0.5)
    zero = dict(on=task.on, loss=dict(type='KDLoss', loss_weight=0.0))
    distill = dict(
        type='DistillationHook', teacher=dict(ema=True), distill=dict(kd=zero)
    )
    stock = run(task.config(tmp_path / 'stock', custom_hooks=[ema]))
    zeroed = run(task.config(tmp_path / 'zero', custom_hooks=[distill, ema]))
    assert differences(weights(stock), weights(zeroed)) == {}


def test_an_own_average_needs_a_hook_that_keeps_it(
    task: Task, run: Train, tmp_path: Path
) -> None:
    zero = dict(on=task.on, loss=dict(type='KDLoss'))
    distill = dict(
        type='DistillationHook', teacher=dict(ema=True), distill=dict(kd=zero)
    )
    with pytest.raises(ValueError, match="the run has none; add dict.type='EMAHook'"):
        run(task.config(tmp_path, custom_hooks=[distill]))


KD = dict(on='logits', loss=dict(type='KDLoss'))


@pytest.mark.parametrize(
    ('teacher', 'term', 'message'),
    [
        ([], {}, 'one teacher at least'),
        (dict(ema=True, config='x.py'), {}, 'either .*, or ema=True .*, or a config'),
        ({}, {}, 'either .*, or ema=True .*, or a config'),
        ('x.py', {}, "a dict with a config, or a list of such dicts, got 'x.py'"),
        (dict(config='x.py', weight=0), {}, 'weight must be a finite number > 0'),
        (dict(config='x.py', wieght=1), {}, "'wieght'; did you mean 'weight'"),
        ([dict(config='x.py')] * 2, dict(teacher=2), 'a number from 0 to 1'),
        ([dict(config='x.py')] * 2, dict(teacher='x'), 'a number from 0 to 1'),
        ([dict(config='x.py')] * 2, dict(teacher=[]), 'leaves no teacher'),
        ([dict(config='x.py')] * 2, dict(teacher=0), 'compares with teacher 1'),
    ],
)
def test_wrong_teachers_are_refused_when_the_hook_is_built(
    teacher: Any, term: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        DistillationHook(teacher=teacher, distill=dict(kd=dict(KD, **term)))


def test_one_teacher_is_a_list_of_one() -> None:
    assert read_teachers(dict(config='x.py')) == read_teachers([dict(config='x.py')])
