"""A student with its teacher's classifier: in the run, in its checkpoint, exported."""

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

from ..processes import run_script
from ..tasks import differences
from .exported import Validation, assert_tested_as_in_the_run, trained
from .simkd import TERM, Configs, configs, simkd

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def config(classifier_config: Configs, classifier_teacher: dict[str, Any]) -> Configs:
    return configs(classifier_config, classifier_teacher)


@pytest.fixture(scope='module')
def simkd_run(config: Configs, tmp_path_factory: Any) -> tuple[Runner, Validation]:
    folder = tmp_path_factory.mktemp('run')
    cfg = config(folder, epochs=2)
    cfg.dump(folder / 'simkd.py')
    return trained(cfg)


@pytest.fixture(scope='module')
def exported(
    simkd_run: tuple[Runner, Validation], tmp_path_factory: Any
) -> tuple[Path, Path]:
    """The files that the tool writes."""
    work_dir = Path(simkd_run[0].work_dir)
    folder = tmp_path_factory.mktemp('exported') / 'new'
    tool = ('tools/export_student.py', work_dir / 'simkd.py', work_dir / 'epoch_2.pth')
    done = run_script(*tool, folder)
    assert not done.returncode, done.stderr[-2000:]
    return folder / 'simkd.py', folder / 'epoch_2.pth'


def test_mmpretrains_own_test_tool_gives_the_scores_and_the_metric_of_the_run(
    simkd_run: tuple[Runner, Validation], exported: tuple[Path, Path], tmp_path: Path
) -> None:
    assert_tested_as_in_the_run(exported, simkd_run[1], tmp_path)


def test_the_exported_student_is_the_backbone_the_projector_and_the_teachers_head(
    simkd_run: tuple[Runner, Validation],
    exported: tuple[Path, Path],
    classifier_teacher: dict[str, Any],
) -> None:
    """The same logits by hand, from the modules of the run and of the teacher."""
    runner, _ = simkd_run
    cfg = Config.fromfile(exported[0])
    assert 'custom_hooks' not in cfg and cfg.custom_imports.imports == ['ckd_mm']
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student = MODELS.build(cfg.model).eval()
    content = torch.load(exported[1], weights_only=False)
    student.load_state_dict(content['state_dict'], strict=True)
    assert set(content) == {'meta', 'state_dict'}
    teacher = torch.load(classifier_teacher['checkpoint'])['state_dict']
    hook = next(one for one in runner.hooks if isinstance(one, DistillationHook))
    loss: Any = hook.connectors.modules['simkd']
    projector = loss.necks[0].projector.eval()
    images = torch.randn(3, 3, 16, 16)
    with torch.no_grad():
        (maps,) = runner.model.eval().backbone(images)
        assert maps.shape[2:] == (4, 4)
        pooled = torch.nn.functional.adaptive_avg_pool2d(maps, 2)
        rows = projector(pooled).mean(dim=(2, 3))
        logits = rows @ teacher['head.fc.weight'].T + teacher['head.fc.bias']
        assert torch.allclose(student(images), logits, atol=1e-6)


def test_the_checkpoint_of_the_run_is_the_stock_students(
    simkd_run: tuple[Runner, Validation], config: Configs, tmp_path: Path
) -> None:
    runner, _ = simkd_run
    content = torch.load(Path(runner.work_dir) / 'epoch_2.pth', weights_only=False)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(config(tmp_path).model)
    model.load_state_dict(content['state_dict'], strict=True)
    parts = content[KEY]
    assert {name: part['config']['type'] for name, part in parts.items()} == {
        'neck': 'SimKDNeck',
        'head': 'LinearClsHead',
    }
    stored = content['ckd_mm']['simkd.necks.0.projector.0.weight']
    weight = parts['neck']['state_dict']['projector.0.weight']
    assert weight.data_ptr() == stored.data_ptr(), 'stored once'


def test_a_resumed_run_is_the_uninterrupted_one(
    simkd_run: tuple[Runner, Validation], config: Configs, tmp_path: Path
) -> None:
    """It trains the second epoch again; at the end of it, it has nothing to train."""
    whole, _ = simkd_run
    runners = []
    for epoch in (1, 2):
        cfg = config(tmp_path / str(epoch), epochs=2)
        checkpoint = Path(whole.work_dir) / f'epoch_{epoch}.pth'
        cfg.update(load_from=str(checkpoint), resume=True)
        runners.append(Runner.from_cfg(cfg))
        runners[-1].train()
    runner, ended = runners
    assert not differences(runner.model.state_dict(), whole.model.state_dict())
    found, expected, read = (
        next(hook for hook in one.hooks if isinstance(hook, DistillationHook))
        for one in (runner, whole, ended)
    )
    first, second = (one.connectors.modules.state_dict() for one in (found, expected))
    assert not differences(first, second)
    loss: Any = read.terms[0].loss
    assert loss.necks[0].sizes == ((4, 4), (2, 2)), 'read, as no step was made'


def test_weight_zero_is_the_stock_run_in_weights_and_in_metrics(
    config: Configs, classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    loss = dict(type='SimKDLoss', loss_weight=0.0)
    hook = simkd(
        classifier_teacher,
        distill=dict(simkd=dict(on=TERM['on'], loss=loss)),
        student_loss_weight=1.0,
    )
    runs = [
        trained(config(tmp_path / name, custom_hooks=hooks))
        for name, hooks in (('stock', []), ('weight0', [hook]))
    ]
    (stock, stock_validation), (distilled, validation) = runs
    assert not differences(stock.model.state_dict(), distilled.model.state_dict())
    assert stock_validation.metrics == validation.metrics
    assert not torch.load(tmp_path / 'weight0/epoch_1.pth', weights_only=False).get(KEY)


def test_the_average_of_a_student_is_validated_and_exported_with_the_projector(
    config: Configs, tmp_path: Path
) -> None:
    """EMAHook swaps the student's tensors one by one, in their order."""
    cfg = config(tmp_path)
    cfg.dump(tmp_path / 'ema.py')
    _, validation = trained(cfg, EMAHook(momentum=0.5))
    paths = export_student(
        tmp_path / 'ema.py', tmp_path / 'epoch_1.pth', tmp_path / 'out'
    )
    exported = Config.fromfile(paths[0])
    exported.update(load_from=str(paths[1]), work_dir=str(tmp_path / 'test'))
    exported.experiment_name = exported.visualizer.name = 'exported_average'
    runner, seen = Runner.from_cfg(exported), Validation()
    runner.register_hook(seen)
    runner.val()
    assert torch.equal(torch.stack(seen.scores), torch.stack(validation.scores))


def test_the_stock_student_is_tested_with_a_warning(
    simkd_run: tuple[Runner, Validation],
    config: Configs,
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
) -> None:
    cfg = config(tmp_path)
    cfg.load_from = str(Path(simkd_run[0].work_dir) / 'epoch_2.pth')
    Runner.from_cfg(cfg).test()
    printed = ''.join(capfd.readouterr())
    assert 'the stock student is evaluated, without what simkd gives it' in printed


# bad input of the tool


def test_a_file_of_the_user_is_not_overwritten(
    simkd_run: tuple[Runner, Validation], tmp_path: Path
) -> None:
    work_dir = Path(simkd_run[0].work_dir)
    for name in ('simkd.py', 'epoch_2.pth'):
        folder = tmp_path / name.split('.')[1]
        folder.mkdir()
        (folder / name).write_text('mine')
        with pytest.raises(FileExistsError, match=f'{name} exists; choose another'):
            export_student(work_dir / 'simkd.py', work_dir / 'epoch_2.pth', folder)
        assert [one.name for one in folder.iterdir()] == [name]
        assert (folder / name).read_text() == 'mine'
