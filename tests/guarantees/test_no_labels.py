"""Students trained by the terms alone, from folders of images without labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from ..tasks import differences
from ..teachers.foreign.libraries import CASES
from .folders import FIT, hook, without_labels

Make = Callable[..., Config]
Train = Callable[[Config], Runner]


def state(runner: Runner) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in runner.model.state_dict().items()}


def count_runs(model: nn.Module) -> list[str]:
    """The children of a model, in the order in which they run."""
    found: list[str] = []
    for name, child in model.named_children():
        for one in child.modules():
            one.register_forward_pre_hook(lambda *_, name=name: found.append(name))
    return found


@pytest.mark.slow
def test_a_detector_learns_from_a_folder_and_its_heads_stay_as_they_are(
    detector_config: Make, digit_scenes: Path, run: Train, tmp_path: Path
) -> None:
    """The teacher is of another library; the result starts a stock detector."""
    teacher = CASES['timm ConvNeXt'].config(tmp_path)
    levels = dict(student='neck:2', teacher='stages:2')
    cfg = without_labels(detector_config(tmp_path), digit_scenes / 'train')
    cfg.custom_hooks = [hook(teacher, fit=dict(FIT, on=levels))]
    cfg.optim_wrapper.optimizer.weight_decay = 0.1
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    runner.model.init_weights = lambda: None
    before, runs = state(runner), count_runs(runner.model)
    runner.train()
    changed = {name.split('.')[0] for name in differences(before, state(runner))}
    assert changed == {'backbone', 'neck'}
    assert {*runs} == {'data_preprocessor', 'backbone', 'neck'}
    logged = runner.message_hub.log_scalars
    assert {name for name in logged if 'loss' in name} == {
        'train/loss',
        'train/loss_fit',
    }
    (log,) = tmp_path.glob('*/*.log')
    assert 'rpn_head (' in log.read_text()
    assert 'stay as they are, without gradient and weight decay' in log.read_text()
    check_starts_a_stock_detector(runner, detector_config(tmp_path / 'stock'), tmp_path)


def check_starts_a_stock_detector(done: Runner, cfg: Config, folder: Path) -> None:
    file = str(folder / 'iter_3.pth')
    saved = torch.load(file, weights_only=False)['state_dict']
    assert saved.keys() == done.model.state_dict().keys()
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=file, prefix='backbone.'
    )
    started = Runner.from_cfg(cfg)
    started.model.init_weights()
    assert (
        differences(
            done.model.backbone.state_dict(), started.model.backbone.state_dict()
        )
        == {}
    )
    cfg.load_from, cfg.experiment_name = file, 'loaded'
    loaded = Runner.from_cfg(cfg)
    loaded.load_or_resume()
    assert differences(state(done), state(loaded)) == {}


@pytest.mark.slow
def test_a_classifier_learns_logits_of_a_folder_in_epochs(
    classifier_config: Make,
    classifier_teacher: dict[str, Any],
    digit_scenes: Path,
    run: Train,
    tmp_path: Path,
) -> None:
    """With an average of the weights, and with accumulation."""
    cfg = without_labels(classifier_config(tmp_path), digit_scenes / 'train')
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2)
    cfg.train_dataloader.sampler.type = 'DefaultSampler'
    kd = dict(on='logits', loss=dict(type='KDLoss', temperature=4.0))
    cfg.custom_hooks = [hook(classifier_teacher, kd=kd), dict(type='EMAHook')]
    cfg.optim_wrapper.accumulative_counts = 2
    runner = run(cfg)
    losses, _ = runner.message_hub.get_scalar('train/loss_kd').data
    assert len(losses) == 4 and (losses > 0).all()
    assert 'loss' not in runner.model.__dict__  # the stock method is back
    assert 'train/loss_student' not in runner.message_hub.log_scalars
