"""What cannot give a student its teacher's classifier is refused before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.losses import SimKDLoss

from .simkd import TERM, Configs, configs, simkd

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def config(classifier_config: Configs, classifier_teacher: dict[str, Any]) -> Configs:
    return configs(classifier_config, classifier_teacher)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            dict(on='module:backbone.layer3'),
            "'simkd': SimKDLoss must compare what its modules get at inference, such "
            "as on='module:backbone:-1', got on='module:backbone.layer3'",
        ),
        (dict(on='logits'), "as on='module:backbone:-1', got on='logits'"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(
    change: dict[str, Any],
    message: str,
    config: Configs,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    hook = simkd(classifier_teacher, distill=dict(simkd={**TERM, **change}))
    with pytest.raises(ValueError) as error:
        Runner.from_cfg(config(tmp_path, custom_hooks=[hook])).train()
    assert message in str(error.value)


def test_several_maps_have_no_projector_to_give() -> None:
    with pytest.raises(
        ValueError, match='one projector, of the last map, got 2 levels'
    ):
        SimKDLoss([2, 4], [2, 4]).at_inference(None)


def other_classes(cfg: Config) -> None:
    cfg.model.head.num_classes = 7


def other_head(cfg: Config) -> None:
    cfg.model.head = dict(
        type='StackedLinearClsHead',
        num_classes=10,
        in_channels=128,
        mid_channels=[16],
    )


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (other_classes, 'classes must be the same in the same order, got 10 classes'),
        (
            other_head,
            'GlobalAveragePooling and LinearClsHead, got Global',
        ),
    ],
)
def test_a_teacher_whose_classifier_cannot_be_reused_is_refused(
    change: Callable[[Config], None],
    message: str,
    config: Configs,
    classifier_config: Configs,
    teacher_of: Callable[[Config], dict[str, Any]],
    tmp_path: Path,
) -> None:
    teacher = classifier_config(tmp_path / 'teacher', width=16)
    change(teacher)
    hook = simkd(teacher_of(teacher))
    with pytest.raises(ValueError, match=message):
        Runner.from_cfg(config(tmp_path, custom_hooks=[hook])).train()


def test_several_teachers_and_a_changing_one_are_refused(
    config: Configs, classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    channels = dict(student_channels=64, teacher_channels=64)
    term = dict(on=TERM['on'], loss=dict(type='SimKDLoss', **channels))
    for teacher, message in (
        ([classifier_teacher] * 2, 'one teacher, got 2; choose one with teacher='),
        (dict(ema=True), 'a model that stays as it is, got a EMATeacher'),
    ):
        hooks = [simkd(teacher, distill=dict(simkd=dict(term)))]
        if teacher == dict(ema=True):
            hooks.append(dict(type='EMAHook'))
        else:
            hooks[0]['distill'] = dict(simkd=TERM)
        with pytest.raises(ValueError, match=message):
            Runner.from_cfg(config(tmp_path, custom_hooks=hooks)).train()
