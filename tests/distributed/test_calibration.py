"""Stored logits, and labels in place of those that are not sure, on two ranks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from ckd_mm.commands.fill_cache import cache_teacher

from ..cache.test_calibration import CALIBRATE, sure_of_some
from .test_training import train

pytestmark = pytest.mark.slow
KD = dict(on='logits', loss=dict(type='KDLoss', temperature=2.0))


def test_calibrated_rows_of_a_cache_are_those_of_one_process(
    classifier_config: Callable[..., Config],
    classifier_teacher: dict[str, Any],
    tmp_path: Path,
) -> None:
    """Each rank reads the rows of its images, some of which are replaced."""

    def make(teacher: dict[str, Any]) -> Config:
        hook = dict(type='DistillationHook', teacher=teacher, distill=dict(kd=KD))
        cfg = classifier_config(tmp_path / 'unused', custom_hooks=[hook])
        cfg.model.backbone.norm_eval = True
        cfg.train_dataloader.drop_last = True  # two ranks would share an image
        cfg.optim_wrapper.optimizer.lr = 0.01
        return cfg

    teacher = sure_of_some(classifier_teacher, tmp_path)
    cache_teacher(make(teacher), tmp_path / 'cache', dtype='float32')
    cached: dict[str, Any] = dict(cache=str(tmp_path / 'cache'))
    calibrated = dict(cached, calibrate=CALIBRATE)
    one = train(make(calibrated), 1, tmp_path / 'one')
    two = train(make(calibrated), 2, tmp_path / 'two')
    assert two.differs_from(one) == []
    for name, other in (
        ('cached', cached),
        ('labels', dict(cached, calibrate=dict(below=0.999))),
    ):
        assert len(train(make(other), 1, tmp_path / name).differs_from(one)) > 10
