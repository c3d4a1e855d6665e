"""Losses that keep something of earlier steps, in a real run: CRD, ND and CTKD."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import differences, weights
from .interruption import SeedEachEpoch

WIDTHS = dict(student_channels=64, teacher_channels=128)
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    'crd': (
        'embedding',
        dict(type='CRDLoss', num_samples=301, num_negatives=20, **WIDTHS),
    ),
    'nd': ('embedding', dict(type='NDLoss', num_classes=10, **WIDTHS)),
    'ctkd': ('logits', dict(type='CTKDLoss', ramp_epochs=1.0)),
}


@pytest.fixture
def make(
    classifier_config: Callable[..., Config], classifier_teacher: dict[str, Any]
) -> Callable[..., Config]:
    def config(work_dir: Path, weight: float = 1.0) -> Config:
        terms = {
            name: dict(on=on, loss=dict(loss_weight=weight, **loss))
            for name, (on, loss) in LOSSES.items()
        }
        hook = dict(type='DistillationHook', teacher=classifier_teacher, distill=terms)
        hooks = [hook, dict(type=SeedEachEpoch.__name__)]
        return classifier_config(work_dir, epochs=2, custom_hooks=hooks)

    return config


def kept(runner: Runner) -> dict[str, Tensor]:
    hook = next(hook for hook in runner.hooks if isinstance(hook, DistillationHook))
    return hook.connectors.modules.state_dict()


def test_a_resumed_run_ends_the_same_bit_for_bit_also_in_what_is_kept(
    make: Callable[..., Config], run: Callable[[Config], Runner], tmp_path: Path
) -> None:
    whole = run(make(tmp_path / 'whole'))
    state = kept(whole)
    assert (state['crd.memory.labels'] >= 0).all()
    assert state['nd.class_sums'].norm(dim=1).all()
    assert state['ctkd.score'] != 1
    cfg = make(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_1.pth')
    resumed = run(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    for name, value in kept(resumed).items():
        assert torch.equal(value, state[name]), name


def test_at_weight_zero_the_student_is_that_of_the_stock_run(
    make: Callable[..., Config],
    classifier_config: Callable[..., Config],
    run: Callable[[Config], Runner],
    tmp_path: Path,
) -> None:
    """CRD draws thousands of random numbers in each step."""
    hooks = [dict(type=SeedEachEpoch.__name__)]
    stock = run(classifier_config(tmp_path / 'stock', epochs=2, custom_hooks=hooks))
    distilled = run(make(tmp_path / 'zero', weight=0.0))
    assert differences(weights(stock), weights(distilled)) == {}
