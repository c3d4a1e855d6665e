"""A short training through the real config files: train, evaluate, save, resume.

The data are real digits in the form that each config expects, the teachers have random
weights, and the models of detection are narrow: see :mod:`families`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.datasets.digits import write_digit_scenes

from ..cifar import not_the_published_files, write_cifar100_of_digits
from .catalog import ROOT, metafiles_read_once
from .families import (
    FAMILIES,
    cifar_options,
    coco_options,
    narrow_detector,
    reviewkd_channels,
)

pytestmark = pytest.mark.slow

ITERATIONS = 2
NUM_IMAGES = 8
_numbers = itertools.count()

each_family_and_method = pytest.mark.parametrize(
    ('family', 'method'),
    [(name, method) for name, family in FAMILIES.items() for method in family.methods],
)
each_detector = pytest.mark.parametrize('family', ['faster_rcnn', 'mask_rcnn'])

Make = Callable[..., Config]


@pytest.fixture(scope='module', autouse=True)
def _fast() -> Iterator[None]:
    """Without what takes time and is not tested."""
    without_yapf = mock.patch.object(Config, 'pretty_text', '')  # 3 s for every runner
    with metafiles_read_once(), without_yapf, not_the_published_files():
        yield


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data')
    write_cifar100_of_digits(root / 'cifar100', num_train=NUM_IMAGES, num_test=4)
    write_digit_scenes(root / 'coco', num_train=NUM_IMAGES, num_val=2, masks=True)
    return root


@pytest.fixture(scope='module')
def make(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The config of a family and method, with options that make it small."""
    teachers = tmp_path_factory.mktemp('teachers')

    def config(family: str, method: str, work_dir: Path, **more: Any) -> Config:
        cfg = Config.fromfile(ROOT / FAMILIES[family].path.format(method))
        options: dict[str, Any] = {
            'work_dir': str(work_dir),
            'train_cfg.max_epochs': 1,
            'default_hooks.checkpoint.interval': 1,
            'randomness.seed': 0,
        }
        teacher = str(cfg.custom_hooks[0].teacher.config)
        if family == 'cifar100':
            options.update(cifar_options(data / 'cifar100'))
            narrow = {}
        else:
            masks = family == 'mask_rcnn'
            narrow = narrow_detector('teacher', masks)
            options.update(coco_options(data / 'coco'))
            options.update(narrow_detector('student', masks))
        folder = teachers / family
        if not folder.exists():
            _write_teacher(folder, teacher, narrow)
        options['custom_hooks.0.teacher.config'] = str(folder / 'teacher.json')
        options['custom_hooks.0.teacher.checkpoint'] = str(folder / 'teacher.pth')
        cfg.merge_from_dict({**options, **more})
        # Runs of one name in one process would share their message hub and visualizer.
        cfg.experiment_name = f'family{next(_numbers)}'
        cfg.visualizer.name = cfg.experiment_name
        return cfg

    return config


def _write_teacher(folder: Path, config: str, options: dict[str, Any]) -> None:
    """The teacher's config with options, and random weights for it."""
    cfg = get_config(config) if '::' in config else Config.fromfile(config)
    cfg.merge_from_dict(options)
    folder.mkdir()
    cfg.dump(folder / 'teacher.json')
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, folder / 'teacher.pth')


def widths(method: str) -> dict[str, Any]:
    return reviewkd_channels() if 'reviewkd' in method else {}


def train(cfg: Config) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def logged(runner: Runner, prefix: str) -> dict[str, list[float]]:
    scalars = runner.message_hub.log_scalars
    return {
        key.removeprefix(prefix): [float(value) for value in history.data[0]]
        for key, history in scalars.items()
        if key.startswith(prefix)
    }


@each_family_and_method
def test_it_trains_evaluates_saves_and_resumes(
    family: str, method: str, make: Make, tmp_path: Path
) -> None:
    options = {} if family == 'cifar100' else widths(method)
    first = train(make(family, method, tmp_path, **options))
    check_run(first, family, method, epochs=1)
    old = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert ('ckd_mm' in old) == ('reviewkd' in method)
    assert old['state_dict'].keys() == first.model.state_dict().keys()

    resume = {'train_cfg.max_epochs': 2, 'resume': True}
    second = train(make(family, method, tmp_path, **options, **resume))
    check_run(second, family, method, epochs=2)
    assert (second.epoch, second.iter) == (2, 2 * ITERATIONS)
    new = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    for part in {'state_dict', 'ckd_mm'} & old.keys():
        assert old[part].keys() == new[part].keys()
        assert any(not torch.equal(old[part][key], new[part][key]) for key in old[part])


def check_run(runner: Runner, family: str, method: str, epochs: int) -> None:
    """Every term in every step, all finite, and the metric's own numbers."""
    losses = logged(runner, 'train/loss')
    for term in method.split('-'):
        assert len(losses[f'_{term}']) == epochs * ITERATIONS
        assert losses[f'_{term}'][-1] > 0  # the first is 0 under a warm-up
    assert all(math.isfinite(value) for values in losses.values() for value in values)
    scores = logged(runner, 'val/')
    for name in FAMILIES[family].metrics:
        assert all(0 <= score <= 100 for score in scores[name])


@each_detector
def test_the_errors_say_which_widths_to_set(
    family: str, make: Make, tmp_path: Path
) -> None:
    """The config has the real FPNs' 256; what the errors ask for is all it takes."""
    options: dict[str, Any] = {}
    loss = 'custom_hooks.0.distill.reviewkd.loss'
    for whose, channels in (('student', 16), ('teacher', 32)):
        with pytest.raises(ValueError) as error:
            train(make(family, 'reviewkd', tmp_path, **options))
        advice = f'set {whose}_channels={[channels] * 5} in the loss of the term'
        assert advice in str(error.value)
        options[f'{loss}.{whose}_channels'] = [channels] * 5
    runner = train(make(family, 'reviewkd', tmp_path, **options))
    check_run(runner, family, 'reviewkd', epochs=1)
