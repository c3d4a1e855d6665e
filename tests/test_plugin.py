"""A loss, an `on`, a teacher and a schedule from outside, one file each, together."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.runner import Runner

from ckd_mm.adapters import TwoStageAdapter, find_adapter
from ckd_mm.hooks import DistillationHook
from ckd_mm.registry import ADAPTERS, LOSSES, SCHEDULES, TEACHERS

from .adapters.detectors import faster_rcnn
from .tasks import differences, weights

PLUGIN = ('entropy_loss', 'cell_detector', 'first_self', 'level_schedule')
REGISTERED = {
    LOSSES: 'EntropyLoss',
    ADAPTERS: 'CellAdapter',
    TEACHERS: 'FirstSelf',
    SCHEDULES: 'LevelSchedule',
    MODELS: 'CellDetector',
}


@pytest.fixture(scope='module', autouse=True)
def _forgotten_afterwards() -> Iterator[None]:
    """Other tests go through the registries."""
    yield
    for registry, name in REGISTERED.items():
        registry.module_dict.pop(name, None)


@pytest.fixture
def plugin_config(
    detector_config: Callable[..., Config], tmp_path: Path
) -> Callable[..., Config]:
    def make(name: str, **hook: Any) -> Config:
        cfg = detector_config(tmp_path / name)
        backbone = cfg.model.backbone
        backbone.out_indices = (3,)
        cfg.model = dict(
            type='CellDetector',
            backbone=backbone,
            channels=8 * backbone.base_channels,
            num_classes=10,
            data_preprocessor=cfg.model.data_preprocessor,
        )
        files = [f'tests.plugin.{file}' for file in PLUGIN]
        cfg.custom_imports = dict(imports=files, allow_failed_imports=False)
        if hook:
            cfg.custom_hooks = [dict(type='DistillationHook', **hook)]
        return Config.fromstring(cfg.pretty_text, '.py')

    return make


def hook(weight: float = 1.0) -> dict[str, Any]:
    loss = dict(type='EntropyLoss', background=10, loss_weight=weight)
    return dict(
        teacher=dict(type='FirstSelf', noise=0.5),
        distill=dict(entropy=dict(on='cell_logits', loss=loss)),
    )


@pytest.mark.slow
def test_a_plugin_of_one_file_each_trains_and_at_weight_0_changes_nothing(
    plugin_config: Callable[..., Config],
) -> None:
    runners = {}
    for name, options in (('on', hook()), ('off', hook(0.0)), ('stock', {})):
        runners[name] = Runner.from_cfg(plugin_config(name, **options))
        runners[name].train()
    assert differences(weights(runners['stock']), weights(runners['off'])) == {}
    assert differences(weights(runners['stock']), weights(runners['on'])) != {}
    logged = runners['on'].message_hub.get_scalar('train/loss_entropy')
    assert logged.current() > 0
    agreement = runners['on'].message_hub.get_scalar('train/entropy_top1_agreement')
    assert 0 <= agreement.current() <= 1


@pytest.mark.slow
def test_its_schedule_weighs_the_loss_by_what_it_was(
    plugin_config: Callable[..., Config],
) -> None:
    options = hook()
    options['distill']['entropy']['schedule'] = dict(type='LevelSchedule', level=2.0)
    runner = Runner.from_cfg(plugin_config('level', **options))
    runner.train()
    losses, weights_ = (
        runner.message_hub.get_scalar(f'train/{key}').data[0]
        for key in ('loss_entropy', 'entropy_weight')
    )
    assert weights_[0] == 1.0
    assert weights_[1] == pytest.approx(2.0 / losses[0], rel=1e-5)
    path = Path(runner.work_dir) / 'epoch_1.pth'
    saved = torch.load(path, weights_only=False)['ckd_mm']
    assert set(saved) == {'entropy:schedule.weight', 'entropy:schedule.seen'}


@pytest.mark.slow
def test_what_its_loss_gets_can_be_looked_at(
    plugin_config: Callable[..., Config],
) -> None:
    cfg = plugin_config('pairs', **hook())
    runner = Runner.from_cfg(cfg)
    (ours,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
    batch = next(iter(runner.build_dataloader(cfg.train_dataloader)))
    ours.before_train(runner)
    assert ours.distiller is not None
    (pair,) = ours.distiller.pairs(batch).values()
    data = runner.model.data_preprocessor(batch, True)
    assert 'loss_entropy' in runner.model(**data, mode='loss'), 'the run goes on'
    ours.distiller.detach()
    assert 'loss_entropy' not in runner.model(**data, mode='loss')
    assert isinstance(pair.student, torch.Tensor)
    assert isinstance(pair.teacher, torch.Tensor)
    assert (
        pair.student.shape == pair.teacher.shape == (*pair.context['target'].shape, 11)
    )
    assert pair.student.requires_grad and not pair.teacher.requires_grad
    assert (pair.context['target'] < 10).any()


def test_a_misspelt_option_of_its_teacher_is_refused_with_the_options(
    plugin_config: Callable[..., Config],
) -> None:
    options = hook()
    options['teacher']['nois'] = 1.0
    with pytest.raises(ValueError, match="'FirstSelf' does not take nois; "):
        Runner.from_cfg(plugin_config('misspelt', **options))


def test_its_adapter_comes_before_those_of_the_package() -> None:
    """Also for a detector that one of these knows."""
    student = faster_rcnn()
    assert find_adapter(student) is TwoStageAdapter

    class Ours(TwoStageAdapter):
        """An adapter of somebody else's, for a detector of the zoo."""

    ADAPTERS.register_module(module=Ours)
    try:
        assert find_adapter(student) is Ours
    finally:
        ADAPTERS.module_dict.pop('Ours')


def test_no_file_of_the_package_knows_the_plugin() -> None:
    root = Path(__file__).parents[1]
    names = {'EntropyLoss', 'CellDetector', 'CellAdapter', 'FirstSelf', 'LevelSchedule'}
    for file in PLUGIN:
        tree = ast.parse((root / f'tests/plugin/{file}.py').read_text())
        imported = {
            one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)
        }
        assert not any('plugin' in (module or '') for module in imported)
    for path in (root / 'ckd_mm').rglob('*.py'):
        words = set(re.findall(r'\w+', path.read_text()))
        assert not words & names, path
