"""Distillation tokens, averages of teachers and a long tail, on the digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.compare import read_comparison
from ckd_mm.datasets.digits import write_digit_images

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
DIGITS = 'configs/mmpretrain/digits'


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All digit images."""
    root = tmp_path_factory.mktemp('data') / 'images'
    write_digit_images(root)
    return root / 'train'


@pytest.fixture
def weights(random_weights: Callable[[str], str], tmp_path: Path) -> list[str]:
    """Of two teachers, whose classes and certainties differ."""
    file = random_weights(f'{DIGITS}/resnet18-w16_digits.py')
    found = torch.load(file, weights_only=True)['state_dict']
    files = []
    for name, factor in (('first', 30.0), ('second', -60.0)):
        weight = factor * found['head.fc.weight']
        files.append(str(tmp_path / f'{name}.pth'))
        torch.save({'state_dict': {**found, 'head.fc.weight': weight}}, files[-1])
    return files


def losses_of_a_step(cfg: Config, images: Path, work_dir: Path) -> dict[str, float]:
    for split in ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            cfg[f'{split}_{part}'] = None
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=1)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = None
    cfg.train_dataloader.batch_size = 2
    # MMPretrain's is zero, of which all targets have one loss
    cfg.model.head.init_cfg = dict(type='Normal', layer='Linear', std=0.3)
    cfg.train_dataloader.dataset.data_root = str(images)
    for hook in cfg.get('custom_hooks', []):
        for term in hook.distill.values():
            if 'reweight_from' in term.loss:  # in the one step, too
                term.loss.reweight_from = 0
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    return {name: log.current() for name, log in scalars.items() if 'loss' in name}


def test_each_method_trains_and_none_is_another(
    weights: list[str], images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    options = {
        f'teacher.{index}.checkpoint': file for index, file in enumerate(weights)
    }
    for alone in ('token, hard labels', 'token, KD'):
        options[f'methods.{alone}.teacher.checkpoint'] = weights[0]
    path = 'configs/compare/digits_tokens_and_averages.py'
    comparison = read_comparison(path, options)
    assert comparison.departures() == {}
    found = {
        title: losses_of_a_step(cfg, images, tmp_path / str(number))
        for number, (title, cfg) in enumerate(comparison.students.items())
    }
    values = [losses['train/loss'] for losses in found.values()]
    assert all(map(math.isfinite, values)), found
    assert len({round(value, 4) for value in values}) == len(values), found
    assert 'train/loss_mealv2' in found['MEAL V2']
    of_token = [losses for title, losses in found.items() if 'token' in title]
    assert len(of_token) == 5
    assert all('train/loss_token' in losses for losses in of_token)


def test_the_long_tail_trains_with_and_without_weights_of_classes(
    weights: list[str], images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    path = 'configs/compare/digits_longtail.py'
    comparison = read_comparison(path, {'teacher.checkpoint': weights[0]})
    assert comparison.departures() == {}
    for number, (title, cfg) in enumerate(comparison.students.items()):
        losses = losses_of_a_step(cfg, images, tmp_path / str(number))
        assert math.isfinite(losses['train/loss'])
        assert ('train/loss_token' in losses) is (title != 'student alone')


def test_the_counts_of_the_classes_are_those_of_the_data(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    name = 'deitlt-token_r18-w16-deit-w64_48e_digits-longtail.py'
    cfg = Config.fromfile(f'{DIGITS}/{name}')
    data: Any = cfg.train_dataloader.dataset
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        built = DATASETS.build(dict(data, data_root=str(images)))
    labels = [built.get_data_info(number)['gt_label'] for number in range(len(built))]
    counts = cfg.custom_hooks[0].distill.token.loss.class_counts
    assert [labels.count(digit) for digit in range(10)] == counts
    assert len(labels) == 475
