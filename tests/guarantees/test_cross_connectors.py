"""A convolution between the student's maps and the teacher's heads, in real runs."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from ..dense_runs import dense_config, dense_hook
from ..tasks import differences, weights
from .interruption import SeedEachEpoch

pytestmark = pytest.mark.slow

Make = Callable[..., Config]
LOSSES = {'cross_roi_logits': 'KDLoss', 'cross_roi_boxes': 'BoxRegressionLoss'}
NAMES = {
    f'{on}:connector.convolutions.0.{name}'
    for on in LOSSES
    for name in ('weight', 'bias')
}


def hook(teacher: Any, weight: float = 1.0, connector: bool = True) -> dict[str, Any]:
    terms = {
        on: dict(
            on=dict(part=on, connector=connector),
            loss=dict(type=loss, loss_weight=weight),
        )
        for on, loss in LOSSES.items()
    }
    return dict(type='DistillationHook', teacher=teacher, distill=terms)


def saved(folder: Path, epoch: int) -> dict[str, Any]:
    return torch.load(folder / f'epoch_{epoch}.pth', weights_only=False)


def test_with_weight_zero_the_student_is_that_of_the_stock_run(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    stock = run(detector_config(tmp_path / 'stock'))
    hooks = [hook(detector_teacher, weight=0.0)]
    zero = run(detector_config(tmp_path / 'zero', custom_hooks=hooks))
    assert differences(weights(stock), weights(zero)) == {}
    checkpoint = saved(tmp_path / 'zero', 1)
    assert checkpoint['state_dict'].keys() == weights(stock).keys()
    assert checkpoint['ckd_mm'].keys() == NAMES


def test_a_resumed_run_ends_at_the_same_student_and_connectors(
    detector_config: Make,
    detector_teacher: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    check_resumes(detector_config, hook(detector_teacher), run, tmp_path, NAMES)


def test_a_resumed_run_of_a_dense_head_ends_at_the_same(
    detector_config: Make,
    teacher_of: Callable[[Config], dict[str, Any]],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """Its head has another width and another number of layers than the teacher's."""
    wide = dense_config(detector_config, convs=3, width=48)
    hooks = dense_hook(teacher_of(wide(tmp_path / 'unused')))
    names = {
        f'{on}:connector.convolutions.0.weight'
        for on in ('cross_logits', 'cross_boxes')
    }
    config = dense_config(detector_config, convs=2, width=32)
    check_resumes(config, hooks, run, tmp_path, names)


def check_resumes(
    config: Make,
    distillation: dict[str, Any],
    run: Callable[[Config], Runner],
    tmp_path: Path,
    names: set[str],
) -> None:
    for resume in (False, True):
        hooks = [deepcopy(distillation), dict(type=SeedEachEpoch.__name__)]
        cfg = config(tmp_path / str(resume), epochs=2, custom_hooks=hooks)
        cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.01, momentum=0.9)
        if resume:
            cfg.resume, cfg.load_from = True, str(tmp_path / 'False/epoch_1.pth')
        run(cfg)
    whole, resumed = (saved(tmp_path / name, 2) for name in ('False', 'True'))
    for key in ('state_dict', 'ckd_mm'):
        assert differences(whole[key], resumed[key]) == {}
    before = saved(tmp_path / 'False', 1)['ckd_mm']
    assert differences(before, whole['ckd_mm']).keys() == names, 'they have learnt'


def test_without_one_maps_of_another_width_are_refused_before_training(
    detector_config: Make, detector_teacher: dict[str, Any], tmp_path: Path
) -> None:
    hooks = [hook(detector_teacher, connector=False)]
    runner = Runner.from_cfg(detector_config(tmp_path, custom_hooks=hooks))
    with pytest.raises(ValueError, match='32 channels, .* 64; set connector=True'):
        runner.train()
    assert runner.iter == 0
