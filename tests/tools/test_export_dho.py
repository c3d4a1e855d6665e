"""A student with two heads: in the run, in its checkpoint, exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

from ckd_mm.commands.export import export_student
from ckd_mm.engine.inference import KEY
from ckd_mm.hooks import DistillationHook

from ..tasks import differences
from .dho import Configs, configs, dho
from .exported import Validation, assert_tested_as_in_the_run, trained

pytestmark = pytest.mark.slow
Run = tuple[Runner, Validation]


@pytest.fixture(scope='module')
def config(
    classifier_config: Configs, classifier_teacher: dict[str, Any], digit_scenes: Path
) -> Configs:
    return configs(classifier_config, classifier_teacher, digit_scenes / 'train')


@pytest.fixture(scope='module')
def dho_run(config: Configs, tmp_path_factory: Any) -> Run:
    folder = tmp_path_factory.mktemp('run')
    cfg = config(folder, epochs=2)
    cfg.dump(folder / 'dho.py')
    return trained(cfg)


@pytest.fixture(scope='module')
def exported(dho_run: Run, tmp_path_factory: Any) -> tuple[Path, Path]:
    work_dir = Path(dho_run[0].work_dir)
    folder = tmp_path_factory.mktemp('exported')
    return export_student(work_dir / 'dho.py', work_dir / 'epoch_2.pth', folder)


def test_mmpretrains_own_test_tool_gives_the_scores_and_the_metric_of_the_run(
    dho_run: Run, exported: tuple[Path, Path], tmp_path: Path
) -> None:
    assert_tested_as_in_the_run(exported, dho_run[1], tmp_path)


def test_the_exported_student_mixes_its_own_head_and_the_trained_one(
    dho_run: Run, exported: tuple[Path, Path]
) -> None:
    """The same probabilities by hand; each head has another opinion."""
    runner, _ = dho_run
    cfg = Config.fromfile(exported[0])
    assert 'custom_hooks' not in cfg and cfg.custom_imports.imports == ['ckd_mm']
    assert cfg.model.head.head.type == 'LinearClsHead'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student = MODELS.build(cfg.model).eval()
    content = torch.load(exported[1], weights_only=True)
    student.load_state_dict(content['state_dict'], strict=True)
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    layer: Any = hook.connectors.modules['dho'].linear
    images = torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        stock = runner.model.eval()
        (embedding,) = stock.extract_feat(images)
        own = stock(images, mode='tensor').softmax(1)
        second = (layer(embedding) / 0.7).softmax(1)
        found = student(images, mode='tensor').softmax(1)
        assert not torch.allclose(own, second, atol=1e-2)
        assert torch.allclose(found, 0.3 * own + 0.7 * second, atol=1e-6)


def test_the_checkpoint_of_the_run_is_the_stock_students(dho_run: Run) -> None:
    """Of the student's head, the name is stored beside it and not the weights."""
    runner, _ = dho_run
    content = torch.load(Path(runner.work_dir) / 'epoch_2.pth', weights_only=False)
    assert set(content['state_dict']) == set(runner.model.state_dict())
    (part,) = content[KEY].values()
    assert set(part['state_dict']) == {'linear.weight', 'linear.bias'}
    assert part['of_student'] == {
        'head.fc.weight': 'head.fc.weight',
        'head.fc.bias': 'head.fc.bias',
    }
    stored = content['ckd_mm']['dho.linear.weight']
    assert part['state_dict']['linear.weight'].data_ptr() == stored.data_ptr()


def test_the_average_of_a_student_is_validated_and_exported_with_the_second_head(
    config: Configs, tmp_path: Path
) -> None:
    """The head of the exported student is the average, as in the run's validation."""
    cfg = config(tmp_path)
    cfg.dump(tmp_path / 'ema.py')
    runner, validation = trained(cfg, EMAHook(momentum=0.5))
    checkpoint = tmp_path / 'epoch_1.pth'
    paths = export_student(tmp_path / 'ema.py', checkpoint, tmp_path / 'out')
    exported = Config.fromfile(paths[0])
    exported.update(load_from=str(paths[1]), work_dir=str(tmp_path / 'test'))
    exported.experiment_name = exported.visualizer.name = 'exported_dho_average'
    tested, seen = Runner.from_cfg(exported), Validation()
    tested.register_hook(seen)
    tested.val()
    assert torch.equal(torch.stack(seen.scores), torch.stack(validation.scores))
    found = torch.load(paths[1], weights_only=True)['state_dict']['head.head.fc.bias']
    assert not torch.equal(found, runner.model.head.fc.bias), 'the average'


def test_a_resumed_run_is_the_uninterrupted_one(
    dho_run: Run, config: Configs, tmp_path: Path
) -> None:
    whole, validation = dho_run
    cfg = config(tmp_path, epochs=2)
    checkpoint = Path(whole.work_dir) / 'epoch_1.pth'
    cfg.update(load_from=str(checkpoint), resume=True)
    resumed, seen = trained(cfg)
    assert not differences(resumed.model.state_dict(), whole.model.state_dict())
    first, second = (
        next(hook for hook in one.hooks if isinstance(hook, DistillationHook))
        for one in (resumed, whole)
    )
    assert not differences(
        first.connectors.modules.state_dict(), second.connectors.modules.state_dict()
    )
    assert torch.equal(torch.stack(seen.scores), torch.stack(validation.scores))


def test_weight_zero_is_the_stock_run_in_weights_and_in_metrics(
    config: Configs,
    classifier_teacher: dict[str, Any],
    digit_scenes: Path,
    tmp_path: Path,
) -> None:
    loss = dict(type='DHOLoss', loss_weight=0.0)
    hook = dho(classifier_teacher, digit_scenes / 'train', loss=loss)
    runs = [
        trained(config(tmp_path / name, custom_hooks=hooks))
        for name, hooks in (('stock', []), ('weight0', [hook]))
    ]
    (stock, stock_validation), (distilled, validation) = runs
    assert not differences(stock.model.state_dict(), distilled.model.state_dict())
    assert torch.equal(
        torch.stack(stock_validation.scores), torch.stack(validation.scores)
    )
    assert not torch.load(tmp_path / 'weight0/epoch_1.pth', weights_only=False).get(KEY)
