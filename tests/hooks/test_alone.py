"""The student alone, or as its own teacher: real runs against loops by hand."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.functional import sp_loss
from ckd_mm.losses import USKDLoss

from ..guarantees.interruption import SeedEachEpoch
from ..losses.references_alone import reference_uskd
from ..losses.rows_alone import Joined
from ..tasks import differences, weights
from .by_hand import Batch, FillLosses, filled, started, train_by_hand

EPOCHS, NUM_IMAGES = 3, 20
RISING = dict(warmup=EPOCHS, steps=True)
FALLING = dict(value=(1, 0.2), schedule=RISING)
USKD = dict(
    on=['logits', 'module:backbone.layer3'],
    loss=dict(type='USKDLoss', beta=1.0, mu=0.5),
)
KD = dict(
    on='logits',
    loss=dict(type='KDLoss', temperature=1.0, loss_weight=0.8),
    schedule=RISING,
)
LAYERS = dict(
    on=dict(student='backbone.layer2', teacher='backbone.layer4'),
    loss=dict(type='SPLoss', loss_weight=10.0),
)
MODES: dict[str, dict[str, Any]] = {
    'uskd': dict(distill=dict(uskd=USKD)),
    'memory': dict(
        teacher=dict(previous_epoch='memory'),
        distill=dict(kd=KD),
        student_loss_weight=FALLING,
    ),
    'small memory': dict(
        teacher=dict(previous_epoch='memory', half=True, top_k=3),
        distill=dict(kd=KD),
        student_loss_weight=FALLING,
    ),
    'snapshot': dict(
        teacher=dict(previous_epoch='snapshot'),
        distill=dict(kd=KD),
        student_loss_weight=FALLING,
    ),
    'layers': dict(teacher=dict(itself=True), distill=dict(sp=LAYERS)),
}
EACH = pytest.mark.parametrize('mode', MODES)

Make = Callable[..., Config]


@pytest.fixture
def make(classifier_config: Make, tmp_path: Path) -> Make:
    def config(name: str, hook: dict[str, Any] | None, **changes: Any) -> Config:
        hooks = [
            dict(type=FillLosses, terms=['uskd']),
            dict(type=SeedEachEpoch.__name__),
        ]
        if hook is not None:
            hooks = [dict(type='DistillationHook', **deepcopy(hook)), *hooks]
        cfg = classifier_config(
            tmp_path / name, epochs=EPOCHS, custom_hooks=hooks, **changes
        )
        cfg.optim_wrapper.optimizer.lr = 0.02
        cfg.train_dataloader.batch_size = 8
        cfg.train_dataloader.dataset.indices = NUM_IMAGES
        return started(cfg, tmp_path)

    return config


def weightless(hook: dict[str, Any]) -> dict[str, Any]:
    terms = {
        name: dict(term, loss=dict(term['loss'], loss_weight=0.0))
        for name, term in hook['distill'].items()
    }
    return {'teacher': hook.get('teacher'), 'distill': terms}


def beside(runner: Runner) -> dict[str, Tensor]:
    """The weights of losses that learn, in the last checkpoint."""
    path = Path(runner.work_dir) / f'epoch_{EPOCHS}.pth'
    found: dict[str, Tensor] = torch.load(path, weights_only=False).get('ckd_mm', {})
    return found


def close(found: Runner, expected: dict[str, Tensor]) -> None:
    assert differences(weights(found), expected, tolerance=1e-3) == {}


def test_uskd_trains_as_a_loop_by_hand(make: Make, run: Any) -> None:
    cfg = make('run', MODES['uskd'])
    joined = Joined(USKDLoss((10, 32), beta=1.0, mu=0.5))
    filled(joined)

    def loss_of(batch: Batch) -> Tensor:
        layer = batch.layers['backbone.layer3']
        own = F.cross_entropy(batch.logits, batch.labels)
        return own + reference_uskd(joined, batch.logits, layer, batch.labels)

    expected = train_by_hand(cfg, loss_of, layers=['backbone.layer3'], trained=joined)
    found = run(cfg)
    close(found, expected)
    weak = {f'uskd.{name}': one for name, one in joined.loss.state_dict().items()}
    assert {*weak} == {'uskd.weak.weight', 'uskd.weak.bias'}
    assert differences(beside(found), weak, tolerance=1e-3) == {}
    assert 'train/loss_uskd' in found.message_hub.log_scalars
    assert not any('uskd' in name for name in weights(found))


def softmax(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)


def top_three(logits: Tensor) -> Tensor:
    """Of the three largest logits in float16; the other seven share the rest."""
    largest, classes = logits.topk(3, dim=1)
    odds = [one.exp().sum(dim=1, keepdim=True) for one in (logits, largest)]
    rest = (odds[0] - odds[1]).div(7).expand_as(logits)
    found = rest.scatter(1, classes, largest.half().float().exp())
    return found / found.sum(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ('mode', 'keep'), [('memory', softmax), ('small memory', top_three)]
)
def test_the_memory_trains_as_a_loop_by_hand(
    make: Make, run: Any, mode: str, keep: Callable[[Tensor], Tensor]
) -> None:
    """PS-KD: alpha rises, the labels' share falls, targets are of an epoch ago."""
    cfg = make('run', MODES[mode])
    remembered: dict[int, Tensor] = {}

    def loss_of(batch: Batch) -> Tensor:
        alpha = 0.8 * (batch.epoch + 1) / EPOCHS
        one_hot = F.one_hot(batch.labels, 10).float()
        before = torch.stack(
            [
                remembered.get(number, label)
                for number, label in zip(batch.numbers.tolist(), one_hot, strict=True)
            ]
        )
        p = keep(batch.logits.detach())
        remembered.update(zip(batch.numbers.tolist(), p, strict=True))
        target = (1 - alpha) * one_hot + alpha * before
        return F.cross_entropy(batch.logits, target)

    expected = train_by_hand(cfg, loss_of)
    assert len(remembered) == NUM_IMAGES
    close(run(cfg), expected)


def test_the_snapshot_trains_as_a_loop_by_hand(make: Make, run: Any) -> None:
    cfg = make('run', MODES['snapshot'])
    kept: list[BaseModel] = []

    def loss_of(batch: Batch) -> Tensor:
        alpha = 0.8 * (batch.epoch + 1) / EPOCHS
        with torch.no_grad():
            before = kept[-1](batch.images, mode='tensor').softmax(dim=1)
        target = (1 - alpha) * F.one_hot(batch.labels, 10) + alpha * before
        return F.cross_entropy(batch.logits, target)

    def epoch_begins(model: BaseModel) -> None:
        kept.append(deepcopy(model).eval())

    close(run(cfg), train_by_hand(cfg, loss_of, epoch_begins=epoch_begins))


def test_a_deeper_layer_teaches_as_in_a_loop_by_hand(make: Make, run: Any) -> None:
    cfg = make('run', MODES['layers'])
    shallow, deep = 'backbone.layer2', 'backbone.layer4'

    def loss_of(batch: Batch) -> Tensor:
        maps = batch.layers
        between = sp_loss(maps[shallow], maps[deep].detach())
        return F.cross_entropy(batch.logits, batch.labels) + 10 * between

    close(run(cfg), train_by_hand(cfg, loss_of, layers=[shallow, deep]))


@EACH
def test_a_resumed_run_ends_the_same_bit_for_bit(
    make: Make, run: Any, mode: str, tmp_path: Path
) -> None:
    whole = run(make('whole', MODES[mode]))
    cfg = make('resumed', MODES[mode])
    cfg.custom_hooks = [one for one in cfg.custom_hooks if one.type is not FillLosses]
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole/epoch_2.pth')
    resumed = run(cfg)
    assert differences(weights(whole), weights(resumed)) == {}
    assert differences(beside(whole), beside(resumed)) == {}
    assert bool(beside(whole)) == (mode == 'uskd')


@EACH
def test_at_weight_zero_the_student_is_that_of_the_stock_run(
    make: Make, run: Any, mode: str
) -> None:
    stock = run(make('stock', None))
    zero = run(make('zero', weightless(MODES[mode])))
    assert differences(weights(stock), weights(zero)) == {}
    assert any(key.startswith('train/loss_') for key in zero.message_hub.log_scalars)
