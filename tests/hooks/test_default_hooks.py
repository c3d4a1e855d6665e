"""Runs without one of MMEngine's default hooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

DEFAULT = (
    *('runtime_info', 'timer', 'sampler_seed'),
    *('logger', 'param_scheduler', 'checkpoint'),
)

Make = Callable[..., Config]


def config(
    make: Make, work_dir: Path, teacher: dict[str, Any], without: str, weight: float
) -> Config:
    # the second term has something to learn, which joins optimizer and checkpoint
    distill = dict(
        ckd=dict(on='logits', loss=dict(type='CKDLoss', loss_weight=weight)),
        fit=dict(
            on='embedding',
            loss=dict(type='FitNetLoss', student_channels=64, teacher_channels=128),
        ),
    )
    hook = dict(type='DistillationHook', teacher=teacher, distill=distill)
    cfg = make(work_dir, custom_hooks=[hook])
    cfg.train_dataloader.dataset.indices = 64
    cfg.train_dataloader.batch_size = 32
    cfg.default_hooks[without] = None
    return cfg


@pytest.mark.parametrize('without', DEFAULT)
def test_a_run_goes_through_without_it(
    without: str,
    classifier_config: Make,
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    cfg = config(classifier_config, tmp_path, classifier_teacher, without, 1.0)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    assert not runner.model._forward_hooks


def test_a_non_finite_term_is_found_without_the_hook_that_notes_it(
    classifier_config: Make, classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    cfg = config(classifier_config, tmp_path, classifier_teacher, 'runtime_info', 1e39)
    runner = Runner.from_cfg(cfg)
    with pytest.raises(FloatingPointError, match="term 'ckd' is inf in iteration 1;"):
        runner.train()
