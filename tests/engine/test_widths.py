"""Channels that a config leaves out are read from the models, others are checked."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from ckd_mm.engine.terms import PendingLoss, build_terms, required_channels
from ckd_mm.engine.widths import with_channels
from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import LOSSES
from ckd_mm.teachers import read_teachers

from ..tasks import Task, differences, weights

pytestmark = pytest.mark.slow

LEFT_OUT = sorted(
    name for name, cls in LOSSES.module_dict.items() if required_channels(cls)
)


class Losses(Hook):
    """The losses of the hook, as training begins."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.found: dict[str, nn.Module] = {}

    def before_train(self, runner: Runner) -> None:
        (hook,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
        self.found = {term.name: term.loss for term in hook.terms}


class Draws(Hook):
    """Draws random numbers before the channels are read, as any hook may."""

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        torch.rand(3)


def trained(cfg: Config) -> tuple[Runner, dict[str, nn.Module]]:
    runner, losses = Runner.from_cfg(cfg), Losses()
    runner.register_hook(losses)
    runner.register_hook(Draws())
    runner.train()
    return runner, losses.found


def hook(teacher: Any, **terms: dict[str, Any]) -> dict[str, Any]:
    return dict(type='DistillationHook', teacher=teacher, distill=terms)


def fitnet(on: Any, **channels: Any) -> dict[str, Any]:
    return dict(on=on, loss=dict(type='FitNetLoss', loss_weight=0.1, **channels))


GIVEN: dict[str, tuple[str, dict[str, Any]]] = {
    'detector': ('neck', dict(student_channels=[32] * 5, teacher_channels=[64] * 5)),
    'classifier': ('embedding', dict(student_channels=64, teacher_channels=128)),
}
WITH_LOGITS = {
    'DHOLoss': dict(student='embedding', teacher='logits'),
    'LinearKDLoss': dict(student='embedding', teacher='logits'),
    'OFABranchLoss': dict(student='backbone.layer3', teacher='logits'),
    'USKDLoss': ['logits', 'module:backbone.layer3'],
}
"""What losses of a value of the student's and the teacher's class logits compare."""


def test_the_losses_that_need_channels_are_known() -> None:
    assert {'CRDLoss', 'FGDLoss', 'FitNetLoss', 'ReviewKDLoss', 'VIDLoss'} <= {
        *LEFT_OUT
    }


def test_a_run_without_channels_is_bit_for_bit_the_run_with_them(
    task: Task, tmp_path: Path
) -> None:
    on, channels = GIVEN[task.name]
    found = {}
    for name, options in (('given', channels), ('read', {})):
        term = fitnet(on, **options)
        kd = dict(on=task.on, loss=dict(type='KDLoss'))
        cfg = task.config(
            tmp_path / name, custom_hooks=[hook(task.teacher, kd=kd, fit=term)]
        )
        found[name] = trained(cfg)
    runners = [runner for runner, _ in found.values()]
    assert differences(*map(weights, runners)) == {}
    states = [losses['fit'].state_dict() for _, losses in found.values()]
    assert states[0].keys() == states[1].keys() != set()
    assert all(bool((states[0][key] == states[1][key]).all()) for key in states[0])


def test_reading_them_leaves_the_student_of_a_run_with_weight_0_alone(
    task: Task, run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    on, _ = GIVEN[task.name]
    term = fitnet(on)
    term['loss']['loss_weight'] = 0.0
    cfg = task.config(tmp_path / 'zero', custom_hooks=[hook(task.teacher, fit=term)])
    stock = run(task.config(tmp_path / 'stock'))
    assert differences(weights(stock), weights(run(cfg))) == {}


@pytest.mark.parametrize('wrong', ['student_channels', 'teacher_channels'])
def test_wrong_channels_are_refused_before_training(
    task: Task, tmp_path: Path, wrong: str
) -> None:
    on, channels = GIVEN[task.name]
    width = [7] * 5 if isinstance(channels[wrong], list) else 7
    term = fitnet(on, **{**channels, wrong: width})
    cfg = task.config(tmp_path, custom_hooks=[hook(task.teacher, fit=term)])
    runner = Runner.from_cfg(cfg)
    expected = (
        f"'fit': {wrong} must be the channels of on='{on}'.* got .*7.*leave {wrong}"
    )
    with pytest.raises(ValueError, match=expected):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        (dict(type='FitNetLoss', los_weight=1.0), "FitNetLoss does not take .*'los_w"),
        (dict(type='CRDLoss'), "CRDLoss does not take .*'num_samples'"),
    ],
)
def test_options_are_checked_by_name_before_channels_are_read(
    loss: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"'x': {message}"):
        build_terms(dict(x=dict(on='neck', loss=loss)))


def test_one_side_may_be_given(task: Task, tmp_path: Path) -> None:
    on, channels = GIVEN[task.name]
    term = fitnet(on, teacher_channels=channels['teacher_channels'])
    cfg = task.config(tmp_path, custom_hooks=[hook(task.teacher, fit=term)])
    _, losses = trained(cfg)
    assert isinstance(losses['fit'].regressors, nn.ModuleList)


def test_the_students_own_average_is_as_wide_as_the_student(
    task: Task, tmp_path: Path
) -> None:
    on, channels = GIVEN[task.name]
    hooks = [hook(dict(ema=True), fit=fitnet(on)), dict(type='EMAHook')]
    _, losses = trained(task.config(tmp_path, custom_hooks=hooks))
    width = channels['student_channels']
    width = width[0] if isinstance(width, list) else width
    assert losses['fit'].widths[0] == (width, width)  # type: ignore[index]


def test_they_are_read_from_a_copy_of_the_student(task: Task, tmp_path: Path) -> None:
    on, _ = GIVEN[task.name]
    distill = dict(x=fitnet(on))
    runner = Runner.from_cfg(task.config(tmp_path))
    student = runner.model.eval()
    before = {key: value.clone() for key, value in student.state_dict().items()}
    kinds = read_teachers(task.teacher)
    state = torch.get_rng_state()
    with_channels(distill, build_terms(distill), kinds, runner, student)
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module.training for module in student.modules())
    assert not any(
        module._forward_hooks or module._forward_pre_hooks
        for module in student.modules()
    )
    assert differences(before, student.state_dict()) == {}


@pytest.mark.parametrize('name', LEFT_OUT)
def test_every_loss_that_needs_channels_gets_them(
    task: Task, tmp_path: Path, name: str
) -> None:
    options: dict[str, dict[str, Any]] = {
        'CRDLoss': dict(num_samples=8),
        'NDLoss': dict(num_classes=10),
        'MCLLoss': {},
        'MaKDLoss': dict(table=[[0.5, 1.0]] * 10, by='class'),
        'OFABranchLoss': dict(stage=3),
    }
    on = WITH_LOGITS.get(name, 'embedding' if name in options else 'backbone')
    distill = dict(x=dict(on=on, loss=dict(type=name, **options.get(name, {}))))
    runner = Runner.from_cfg(task.config(tmp_path))
    terms = build_terms(distill)
    kinds = read_teachers(task.teacher)
    if task.name == 'detector' and name in WITH_LOGITS:
        with pytest.raises(
            ValueError, match='FasterRCNN has no mod|unknown on=.logits'
        ):
            with_channels(distill, terms, kinds, runner, runner.model)
        return
    filled = with_channels(distill, terms, kinds, runner, runner.model)
    (term,) = build_terms(filled)
    assert not isinstance(term.loss, PendingLoss)


def test_a_teacher_that_fails_at_one_size_is_tried_at_the_next(
    classifier_config: Callable[..., Config], tmp_path: Path
) -> None:
    """Windows of 20 do not fit the last map of 128 pixels, but that of 224."""
    cfg = classifier_config(tmp_path)
    teacher = deepcopy(cfg)
    teacher.model.backbone = dict(
        type='SwinTransformer',
        arch=dict(embed_dims=8, depths=[1, 1], num_heads=[1, 1]),
        window_size=20,
        out_indices=(1,),
    )
    teacher.model.head.in_channels = 16
    scalekd = dict(type='ScaleKDLoss', through_teacher=True)
    distill = dict(x=dict(on='last_stages', loss=scalekd))
    runner = Runner.from_cfg(cfg)
    kinds = read_teachers(dict(config=teacher, checkpoint=None))
    terms = build_terms(distill)
    filled = with_channels(distill, terms, kinds, runner, runner.model)
    assert filled['x']['loss']['teacher_channels'] == [8, 16]


@pytest.mark.parametrize(
    ('on', 'message'),
    [
        ('module:no.such.module', "term 'fit': .*no.such.module"),
        ('nekc', "term 'fit': unknown on='nekc'"),
    ],
)
def test_a_module_that_is_not_there_is_told_as_without_channels(
    on: str, message: str, task: Task, tmp_path: Path
) -> None:
    cfg = task.config(tmp_path, custom_hooks=[hook(task.teacher, fit=fitnet(on))])
    with pytest.raises(ValueError, match=message) as raised:
        Runner.from_cfg(cfg).train()
    assert 'left out' not in str(raised.value)
