"""Rows that count differently, in runs of a real detector and classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.hooks import DistillationHook

from ..tasks import Task, differences, weights
from .interruption import SeedEachEpoch

pytestmark = pytest.mark.slow

WEIGHERS: dict[str, list[dict[str, Any]]] = {
    'detector': [
        dict(type='IoUWeight', minimum=0.1),
        dict(type='ClassWeight', weights={'3': 2.0}, background=0.5),
        dict(type='IPWDWeight'),
    ],
    'classifier': [
        dict(type='ConfidenceGate', threshold=0.11, otherwise=0.3),
        dict(type='CorrectnessGate', otherwise=0.5),
        dict(type='FocalWeight', normalize=True),
        dict(type='IPWDWeight'),
    ],
}
HEAD = 'kd:sample_weight.weighers.{}.head.'


def config(task: Task, work_dir: Path, weight: float = 1.0, **changes: Any) -> Config:
    kd = dict(type='KDLoss', temperature=1.0, loss_weight=weight)
    term = dict(on=task.on, loss=kd, sample_weight=WEIGHERS[task.name])
    hook = task.hook() | dict(distill=dict(kd=term))
    hooks = [hook, dict(type=SeedEachEpoch.__name__)]
    cfg = task.config(work_dir, custom_hooks=hooks, **changes)
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.01, momentum=0.9)
    cfg.optim_wrapper.clip_grad = dict(max_norm=1.0)
    return cfg


def train(cfg: Config) -> tuple[Runner, dict[str, Tensor]]:
    runner = Runner.from_cfg(cfg)
    runner.train()
    (hook,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
    return runner, hook.connectors.modules.state_dict()


def test_an_interrupted_run_ends_at_the_same_weights_bit_for_bit(
    task: Task, tmp_path: Path
) -> None:
    whole, heads = train(config(task, tmp_path / 'whole', epochs=2))
    cfg = config(task, tmp_path / 'resumed', epochs=2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_1.pth')
    resumed, resumed_heads = train(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    assert differences(heads, resumed_heads) == {}
    first = torch.load(tmp_path / 'whole/epoch_1.pth', weights_only=False)
    head = HEAD.format(len(WEIGHERS[task.name]) - 1)
    assert set(first['ckd_mm']) == {f'{head}weight', f'{head}bias'}
    assert not torch.equal(first['ckd_mm'][f'{head}weight'], heads[f'{head}weight'])
    assert not any('weigher' in name for name in first['state_dict'])
    scalars = whole.message_hub.log_scalars
    assert scalars['train/loss_kd'].data[0].all()
    assert scalars['train/kd_sample_weight'].data[0].all()


def test_with_weight_0_the_student_is_that_of_the_stock_run(
    task: Task, tmp_path: Path
) -> None:
    """With clipping, which would see a gradient of the second head."""
    cfg = config(task, tmp_path / 'stock')
    cfg.custom_hooks = cfg.custom_hooks[1:]
    stock, zero = Runner.from_cfg(cfg), config(task, tmp_path / 'zero', weight=0.0)
    stock.train()
    assert differences(weights(stock), weights(train(zero)[0])) == {}


@pytest.mark.parametrize('wrong', ['in_channels', 'num_classes'])
@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_a_wrong_width_is_refused_before_training(
    task: Task, tmp_path: Path, wrong: str
) -> None:
    cfg = config(task, tmp_path)
    cfg.custom_hooks[0].distill.kd.sample_weight[-1][wrong] = 7
    runner = Runner.from_cfg(cfg)
    message = f"'kd': {wrong} of IPWDWeight must be .*, got 7; leave it out"
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('task', ['classifier'], indirect=True)
def test_weighers_of_logits_refuse_feature_maps(task: Task, tmp_path: Path) -> None:
    cfg = config(task, tmp_path)
    fitnet = dict(type='FitNetLoss', student_channels=64, teacher_channels=128)
    term = dict(on='backbone', loss=fitnet, sample_weight=WEIGHERS['classifier'])
    cfg.custom_hooks[0].distill = dict(kd=term)
    message = (
        "'kd': ConfidenceGate takes rows of class logits .*on='backbone' gives "
        "feature maps; compare on='(logits|roi_logits)'"
    )
    with pytest.raises(ValueError, match=message):
        Runner.from_cfg(cfg).train()
