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

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.hub import get_config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.datasets.digits import write_digit_scenes

from ..cifar import not_the_published_files, write_cifar100_of_digits
from .catalog import file_of, metafiles_read_once
from .families import (
    DIVISORS,
    FAMILIES,
    Family,
    cifar_options,
    coco_options,
    loss_channels,
    narrow_detector,
)
from .small import position_of_hook

pytestmark = pytest.mark.slow

ITERATIONS = 2
NUM_IMAGES = 8
TRAINED = {'reviewkd', 'fgd', 'mgd'}  # methods with parameters
_numbers = itertools.count()

# Each is like one that stays, which has its method and its kind of models.
SWEPT = {
    ('faster_rcnn', 'ckd'),
    ('mask_rcnn', 'ckd-reviewkd'),
    ('retinanet', 'ckd'),
    ('retinanet_r18', 'ckd'),
    ('retinanet_by_cascade', 'pkd'),
    ('retinanet_by_ms_x101', 'mgd'),
    ('gfl', 'ckd'),
    ('deformable_detr', 'ckd'),
    ('deformable_detr_kddetr', 'kddetr-boxes'),
    ('deformable_detr_kddetr', 'detrdistill'),
    ('dino', 'kddetr-boxes-points-pointboxes'),
}
each_family_and_method = pytest.mark.parametrize(
    ('family', 'method'),
    [
        pytest.param(
            name, method, marks=[pytest.mark.sweep] * ((name, method) in SWEPT)
        )
        for name, family in FAMILIES.items()
        for method in family.methods
    ],
)
each_detector = pytest.mark.parametrize('family', ['faster_rcnn', 'mask_rcnn'])

Make = Callable[..., Config]


@pytest.fixture(scope='module', autouse=True)
def _fast(imported: None) -> Iterator[None]:
    """Without what takes time and is not tested."""
    with metafiles_read_once(), not_the_published_files():
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
        cfg = Config.fromfile(file_of(FAMILIES[family].path.format(method)))
        options: dict[str, Any] = {
            'work_dir': str(work_dir),
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 1,
            'default_hooks.checkpoint.interval': 1,
            'randomness.seed': 0,
        }
        if family == 'cifar100':
            options.update(cifar_options(data / 'cifar100'))
        else:
            options.update(coco_options(data / 'coco', cfg))
            options.update(narrow_detector(DIVISORS['student'], cfg))
        options.update(FAMILIES[family].options)
        position = position_of_hook(cfg)
        folder = teachers / family
        if not folder.exists():
            name = str(cfg.custom_hooks[position].teacher.config)
            _write_teacher(folder, name, FAMILIES[family])
        for name, file in (('config', 'teacher.json'), ('checkpoint', 'teacher.pth')):
            options[f'custom_hooks.{position}.teacher.{name}'] = str(folder / file)
        cfg.merge_from_dict({**options, **more})
        # Runs of one name in one process would share their message hub and visualizer.
        cfg.experiment_name = f'family{next(_numbers)}'
        cfg.visualizer.name = cfg.experiment_name
        return cfg

    return config


def _write_teacher(folder: Path, config: str, family: Family) -> None:
    """The teacher's config, narrow if it detects, and random weights for it."""
    cfg = get_config(config) if '::' in config else Config.fromfile(config)
    if cfg.default_scope == 'mmdet':
        narrow = narrow_detector(family.divisor, cfg)
        cfg.merge_from_dict({**narrow, **family.teacher})
    folder.mkdir()
    cfg.dump(folder / 'teacher.json')
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, folder / 'teacher.pth')


def widths(family: str, method: str) -> dict[str, Any]:
    """CIFAR-100's networks are the real ones, so their losses fit as they are."""
    if family == 'cifar100':
        return {}
    cfg = Config.fromfile(file_of(FAMILIES[family].path.format(method)))
    return loss_channels(method, cfg)


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
    options = widths(family, method)
    first = train(make(family, method, tmp_path, **options))
    check_run(first, family, method, epochs=1)
    old = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert ('ckd_mm' in old) == (not TRAINED.isdisjoint(method.split('-')))
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
def test_channels_are_those_of_the_models_given_or_not(
    family: str, make: Make, tmp_path: Path
) -> None:
    """Those of the real FPNs, 256, are refused; left out, they are read."""
    loss = 'custom_hooks.0.distill.reviewkd.loss'
    for whose, channels in (('student', 32), ('teacher', 64)):
        options: dict[str, Any] = {
            f'{loss}.{one}_channels': None for one in ('student', 'teacher')
        }
        options[f'{loss}.{whose}_channels'] = [256] * 5
        with pytest.raises(ValueError) as error:
            train(make(family, 'reviewkd', tmp_path, **options))
        assert f'which are {[channels] * 5}, got {[256] * 5}' in str(error.value)
        options[f'{loss}.{whose}_channels'] = None
    runner = train(make(family, 'reviewkd', tmp_path, **options))
    check_run(runner, family, 'reviewkd', epochs=1)


@pytest.mark.parametrize('family', ['rtmdet', 'yolox'])
def test_distillation_goes_on_when_the_mosaics_end(
    family: str, make: Make, tmp_path: Path
) -> None:
    options = {'train_cfg.max_epochs': 2, **FAMILIES[family].switch}
    runner = Runner.from_cfg(make(family, 'ckd', tmp_path, **options))
    noted = _Noted()
    runner.register_hook(noted)
    runner.train()
    assert noted.has_mosaics == [True] * ITERATIONS + [False] * ITERATIONS
    check_run(runner, family, 'ckd', epochs=2)


@pytest.mark.parametrize('family', ['rtmdet', 'yolox'])
def test_the_average_of_weights_has_no_teacher(
    family: str, make: Make, tmp_path: Path
) -> None:
    cfg = make(family, 'ckd', tmp_path)
    runner = train(cfg)
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        student = set(MODELS.build(cfg.model).state_dict())
    # The hook saves the average as `state_dict`, and the weights themselves beside it.
    assert set(saved['state_dict']) == student
    own = {key.removeprefix('module.') for key in saved['ema_state_dict']}
    assert own - {'steps'} == student
    (average,) = (hook for hook in runner.hooks if isinstance(hook, EMAHook))
    assert set(average.ema_model.module.state_dict()) == student


def test_yolox_is_distilled_at_all_its_image_sizes(make: Make, tmp_path: Path) -> None:
    runner = Runner.from_cfg(make('yolox', 'ckd', tmp_path, **{'randomness.seed': 1}))
    noted = _Noted()
    runner.register_hook(noted)
    runner.train()
    assert len(set(noted.sizes)) == ITERATIONS
    check_run(runner, 'yolox', 'ckd', epochs=1)


class _Noted(Hook):
    """Whether the data had mosaics, and the size of the batch, in each iteration."""

    def __init__(self) -> None:
        self.has_mosaics: list[bool] = []
        self.sizes: list[tuple[int, int]] = []

    def before_train(self, runner: Runner) -> None:
        runner.model.backbone.register_forward_pre_hook(self._note_size)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        dataset = runner.train_dataloader.dataset
        skipped = getattr(dataset, '_skip_type_keys', None) or ()
        pipeline = getattr(dataset.pipeline, 'transforms', dataset.pipeline)
        names = {type(transform).__name__ for transform in pipeline} - {*skipped}
        self.has_mosaics.append(any('Mosaic' in name for name in names))

    def _note_size(self, backbone: torch.nn.Module, inputs: Any) -> None:
        if backbone.training:
            self.sizes.append(tuple(inputs[0].shape[-2:]))
